-- no-transaction
-- What an object names as its own, so that what names nobody finds its customer; and when parked events are looked at.

ALTER TABLE provider_objects ADD COLUMN IF NOT EXISTS ward text COLLATE "C";

COMMENT ON COLUMN provider_objects.ward IS
    'The object (kind:id) that one with a customer names as its own and that may name nobody itself; else null.';

-- squawk-ignore ban-concurrent-index-creation-in-transaction -- there is none, as the first line says
CREATE INDEX CONCURRENTLY IF NOT EXISTS provider_objects_guardians ON provider_objects (ward) WHERE ward IS NOT NULL;

-- squawk-ignore ban-concurrent-index-creation-in-transaction -- there is none, as the first line says
CREATE INDEX CONCURRENTLY IF NOT EXISTS received_events_parked_due ON received_events (next_attempt_at)
WHERE state = 'parked' AND next_attempt_at IS NOT NULL;
