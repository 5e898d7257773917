-- no-transaction
-- Whose step is due, found without reading every subscription. Built while the service goes on.

DROP INDEX CONCURRENTLY IF EXISTS subscriptions_next_step;

-- squawk-ignore prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY subscriptions_next_step ON subscriptions (next_step_at, user_id)
WHERE next_step_at IS NOT NULL;
