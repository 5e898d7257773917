-- Facts about one customer come several at once: with when each was recorded, the worker can wait for those that follow.
ALTER TABLE journal_queue ADD COLUMN IF NOT EXISTS recorded_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN journal_queue.recorded_at IS 'When we came to know the fact; the worker lets some seconds pass.';

CREATE OR REPLACE FUNCTION billing_queue_for_journal() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO journal_queue (kind, object_id, recorded_at)
    SELECT added.kind, added.object_id, added.recorded_at FROM added;
    RETURN NULL;
END
$$;
