-- What every other table leans on: row times, append-only logs, and the offset of business time.
--
-- Ids and keys are text in the collation C everywhere: their order is that of their bytes, on every server, so a
-- cursor means the same to PostgreSQL and to Python, and UUIDv7 sort by time. An id that came from outside and is
-- malformed names nothing, rather than being an error.

CREATE FUNCTION billing_touch() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION billing_touch() IS 'Keeps updated_at: the real time of the last change of a row.';

CREATE FUNCTION billing_refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% keeps what was written for ever; % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_is_append_only';
END
$$;
COMMENT ON FUNCTION billing_refuse_change() IS 'Makes a table append-only.';

CREATE TABLE business_clock (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT business_clock_has_one_row CHECK (only_row),
    offset_seconds bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE business_clock IS
    'By how many seconds business time is ahead of real time under billing dev; 0 everywhere else.';
INSERT INTO business_clock (only_row) VALUES (true);
CREATE TRIGGER business_clock_touch BEFORE UPDATE ON business_clock FOR EACH ROW EXECUTE FUNCTION billing_touch();
