-- no-transaction
-- The key that facts get next: an event tells of one object, for ever, so that (id, object_id) is as good as id, and facts can be
-- sharded by the object that they are about, beside its state.

DROP INDEX CONCURRENTLY IF EXISTS facts_known_once_of_object;

-- squawk-ignore prefer-robust-stmts, ban-concurrent-index-creation-in-transaction -- there is none, as the first line says
CREATE UNIQUE INDEX CONCURRENTLY facts_known_once_of_object ON facts (id, object_id);
