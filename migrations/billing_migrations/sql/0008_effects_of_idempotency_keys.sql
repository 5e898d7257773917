-- What a request with an Idempotency-Key did is tied to the key in the commit that does it, so that after a crash
-- the next attempt goes on with that instead of doing it again.

ALTER TABLE idempotency_keys ADD COLUMN effect_id text COLLATE "C";
COMMENT ON COLUMN idempotency_keys.effect_id IS 'The operation or the grant that the request made; NULL until it made one.';
