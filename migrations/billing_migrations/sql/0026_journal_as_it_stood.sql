-- no-transaction
-- The journal as it stood: sums of days, put right by the few lines that were told late, struck out since, or lie ahead.
-- squawk-ignore ban-concurrent-index-creation-in-transaction -- there is none, as the first line says
CREATE INDEX CONCURRENTLY IF NOT EXISTS journal_told_late ON journal (known_from)
    WHERE known_from - at > interval '24 hours';

-- squawk-ignore ban-concurrent-index-creation-in-transaction -- there is none, as the first line says
CREATE INDEX CONCURRENTLY IF NOT EXISTS journal_ahead ON journal (at)
    WHERE at - known_from > interval '24 hours';

-- squawk-ignore ban-concurrent-index-creation-in-transaction -- there is none, as the first line says
CREATE INDEX CONCURRENTLY IF NOT EXISTS journal_struck_out ON journal (known_until)
    WHERE known_until < 'infinity';
