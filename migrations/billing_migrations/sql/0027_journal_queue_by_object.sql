-- no-transaction
-- All facts about a customer are taken out of the queue together: they are found by the customer's objects.
-- squawk-ignore ban-concurrent-index-creation-in-transaction -- there is none, as the first line says
CREATE INDEX CONCURRENTLY IF NOT EXISTS journal_queue_by_object ON journal_queue (object_id);
