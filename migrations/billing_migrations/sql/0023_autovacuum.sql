-- When autovacuum comes to tables that grow without end. Its defaults are shares of a table (a fifth has to be dead or new),
-- made for tables of one size; of 100 million rows a fifth is 20 million. Why each is as it is: docs/explanation/scaling.md.

-- What was there before there were partitions has what the partitions have.
ALTER TABLE received_events_first SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE outbox_first SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE audit_log_first SET (autovacuum_freeze_min_age = 0);

-- Only added to: frozen while its pages are new and cached, so that no later vacuum reads all of it.
ALTER TABLE facts SET (
    autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 0, autovacuum_analyze_scale_factor = 0.02
);
ALTER TABLE steps_taken SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 0);

-- Changed in place, a user's rows at a time.
ALTER TABLE provider_objects SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE user_versions SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE user_access SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE subscriptions SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE purchases SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE payments SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE invoices SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE refunds SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE payment_methods SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- Queues: whoever looks for what is due passes by every entry of an index that is dead and not yet removed.
ALTER TABLE operations SET (autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE journal_queue SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
