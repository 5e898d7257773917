-- no-transaction
-- What the clock brings to the worker: endings that are to be told, and second captures that are to be given back.
-- squawk-ignore ban-concurrent-index-creation-in-transaction -- there is none, as the first line says
CREATE INDEX CONCURRENTLY IF NOT EXISTS user_access_ending ON user_access (expires_at, user_id)
    WHERE blocked IS NULL AND told_ended_at IS NULL AND expires_at IS NOT NULL;

-- squawk-ignore ban-concurrent-index-creation-in-transaction -- there is none, as the first line says
CREATE INDEX CONCURRENTLY IF NOT EXISTS purchases_duplicates ON purchases (user_id)
    WHERE slot = 'duplicate' AND captured_amount > refunded_amount + disputed_amount;
