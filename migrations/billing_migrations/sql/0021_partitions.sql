-- The inbox, the outbox and the audit log are partitioned by time, so that what is past its time goes as a whole
-- partition: no row is deleted one by one, nothing is left for autovacuum, and indexes stay as small as what is kept.
-- What was there becomes the first partition of each; no row is read or copied here. All of it is one transaction, so that
-- nobody sees a table without its name, a key or an index.
-- squawk-ignore-file renaming-table, renaming-object, ban-drop-constraint, ban-alter-identity, require-concurrent-index-deletion

CREATE FUNCTION billing_partitioning() RETURNS TABLE (
    parent text, key text, width text, ahead integer, kept interval, options text
)
LANGUAGE sql IMMUTABLE AS $$
    VALUES
        ('received_events', 'created', 'week', 3, interval '90 days',
            'fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05'),
        ('outbox', 'recorded_at', 'week', 3, interval '30 days',
            'fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0'),
        ('audit_log', 'at', 'month', 2, interval '10 years',
            'autovacuum_freeze_min_age = 0')
$$;
COMMENT ON FUNCTION billing_partitioning() IS
    'Which tables are partitioned, by which time and how wide, how many partitions are made ahead, how long one is kept.';

CREATE FUNCTION billing_partitions(parent text) RETURNS TABLE (name text, lower timestamptz, upper timestamptz)
LANGUAGE sql STABLE SET timezone = 'UTC' SET search_path = public, pg_temp AS $$
    SELECT
        p.relname,
        coalesce(substring(b.bound FROM 'FROM \(''([^'']+)''\)')::timestamptz, '-infinity'),
        substring(b.bound FROM 'TO \(''([^'']+)''\)')::timestamptz
    FROM pg_inherits i
    JOIN pg_class p ON p.oid = i.inhrelid
    CROSS JOIN LATERAL (SELECT pg_get_expr(p.relpartbound, p.oid)) AS b (bound)
    WHERE i.inhparent = parent::regclass AND b.bound <> 'DEFAULT'
    ORDER BY 2
$$;
COMMENT ON FUNCTION billing_partitions(text) IS 'The partitions of a table with their bounds, but for the default one.';

CREATE FUNCTION billing_new_partition(parent text, suffix text, bounds text) RETURNS text
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    name text := parent || '_' || suffix;
    options text;
    pkey record;
BEGIN
    SELECT p.options INTO STRICT options FROM billing_partitioning() AS p
    WHERE p.parent = billing_new_partition.parent;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (%s)', name, parent, options);
    SELECT conname, pg_get_constraintdef(oid) AS definition INTO STRICT pkey
    FROM pg_constraint WHERE conrelid = parent::regclass AND contype = 'p';
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s', name, pkey.conname || '_' || suffix, pkey.definition);
    IF parent = 'audit_log' THEN
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change()',
            name || '_is_append_only', name
        );
    END IF;
    RETURN format('ALTER TABLE %I ATTACH PARTITION %I %s', parent, name, bounds);
END
$$;
COMMENT ON FUNCTION billing_new_partition(text, text, text) IS
    'Makes what is to be a partition, its constraints named after the parent''s; returns the statement that attaches it.';

-- The tables themselves, as they were, but for their keys: each holds the time by which it is partitioned. An event's
-- `created` and customer never change, so the same event always lands in the same partition and is known there.

ALTER TABLE received_events RENAME TO received_events_first;
-- squawk-ignore adding-not-nullable-field -- 0020 has proved it: nothing is scanned
ALTER TABLE received_events_first ALTER COLUMN customer_id SET NOT NULL;
ALTER TABLE received_events_first DROP CONSTRAINT received_events_names_a_customer;
ALTER TABLE received_events_first DROP CONSTRAINT received_events_stored_once;
ALTER TABLE received_events_first
    ADD CONSTRAINT received_events_stored_once_first PRIMARY KEY USING INDEX received_events_first_stored_once;
DROP TRIGGER received_events_touch ON received_events_first;
DROP INDEX received_events_with_payload;
ALTER INDEX received_events_due RENAME TO received_events_first_due;
ALTER INDEX received_events_waiting RENAME TO received_events_first_waiting;
ALTER INDEX received_events_newest RENAME TO received_events_first_newest;
ALTER INDEX received_events_newest_by_state RENAME TO received_events_first_newest_by_state;
ALTER INDEX received_events_parked_due RENAME TO received_events_first_parked_due;

CREATE TABLE received_events (
    account text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    livemode boolean NOT NULL,
    api_version text,
    created timestamptz NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    fact jsonb,
    state text NOT NULL,
    attempts integer NOT NULL,
    waits_for text[] COLLATE "C" NOT NULL,
    error text,
    next_attempt_at timestamptz,
    received_at timestamptz NOT NULL,
    payload bytea,
    claimed_by text,
    claimed_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT received_events_stored_once PRIMARY KEY (account, event_id, created, customer_id),
    CONSTRAINT received_events_state
        CHECK (state IN ('stored', 'applied', 'parked', 'ignored', 'failed', 'dead')),
    CONSTRAINT received_events_attempts_not_negative CHECK (attempts >= 0),
    CONSTRAINT received_events_failed_is_tried_again CHECK (state <> 'failed' OR next_attempt_at IS NOT NULL),
    CONSTRAINT received_events_lease_is_whole CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
) PARTITION BY RANGE (created);
COMMENT ON TABLE received_events IS
    'The inbox: every webhook whose signature verified, stored before it was answered, and what became of it.';
COMMENT ON COLUMN received_events.account IS 'The connected account that it is about; empty for our own.';
COMMENT ON COLUMN received_events.created IS 'When the provider says that it happened.';
COMMENT ON COLUMN received_events.customer_id IS 'The customer that its fact names; empty where it names none.';
COMMENT ON COLUMN received_events.payload IS 'The bytes as they came.';
CREATE INDEX received_events_due ON received_events (created, event_id) WHERE state IN ('stored', 'failed');
CREATE INDEX received_events_waiting ON received_events USING gin (waits_for) WHERE state = 'parked';
CREATE INDEX received_events_newest ON received_events (received_at, event_id);
CREATE INDEX received_events_newest_by_state ON received_events (state, received_at, event_id);
CREATE INDEX received_events_parked_due ON received_events (next_attempt_at)
    WHERE state = 'parked' AND next_attempt_at IS NOT NULL;
CREATE TRIGGER received_events_touch BEFORE UPDATE ON received_events FOR EACH ROW EXECUTE FUNCTION billing_touch();

ALTER TABLE outbox RENAME TO outbox_first;
ALTER TABLE outbox_first DROP CONSTRAINT outbox_versions_are_unique;
ALTER TABLE outbox_first
    ADD CONSTRAINT outbox_versions_are_unique_first PRIMARY KEY USING INDEX outbox_first_versions_are_unique;
ALTER TABLE outbox_first ALTER COLUMN position DROP IDENTITY;
ALTER INDEX outbox_by_id RENAME TO outbox_first_by_id;
ALTER INDEX outbox_to_publish RENAME TO outbox_first_to_publish;
ALTER INDEX outbox_published RENAME TO outbox_first_published;

CREATE SEQUENCE outbox_positions;
SELECT setval('outbox_positions', coalesce((SELECT max(position) FROM outbox_first), 0) + 1, false);
DROP INDEX outbox_by_position;

-- Whoever reads everybody's events reads them in the order of this number and then of position, and only below the oldest
-- transaction that is still under way: so nothing can come in behind what was read. It is the number of the transaction
-- that writes, or of the newest one that had ended by then where that is higher; the user's lock is held, so it never
-- falls from one version of a user to the next.
CREATE FUNCTION billing_written_by() RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    SELECT greatest(
        pg_current_xact_id()::text::bigint,
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1
    )
$$;

CREATE TABLE outbox (
    user_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL DEFAULT nextval('outbox_positions'),
    id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    data jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    published_at timestamptz,
    claimed_by text,
    claimed_until timestamptz,
    written_by bigint NOT NULL DEFAULT billing_written_by(),
    CONSTRAINT outbox_versions_are_unique PRIMARY KEY (user_id, version, recorded_at),
    CONSTRAINT outbox_versions_count_from_1 CHECK (version >= 1),
    CONSTRAINT outbox_data_is_an_object CHECK (jsonb_typeof(data) = 'object'),
    CONSTRAINT outbox_lease_is_whole CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
) PARTITION BY RANGE (recorded_at);
COMMENT ON TABLE outbox IS
    'What others are told, in the commit that made it so. Kept for 30 days after it was published.';
COMMENT ON COLUMN outbox.position IS 'Ascends with version for one user.';
COMMENT ON COLUMN outbox.written_by IS
    'In the order of this and position everybody''s events are read, below the oldest transaction that is under way.';
CREATE INDEX outbox_in_order ON outbox (written_by, position);
CREATE INDEX outbox_by_id ON outbox (id);
CREATE INDEX outbox_to_publish ON outbox (position) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

ALTER TABLE audit_log RENAME TO audit_log_first;
ALTER TABLE audit_log_first DROP CONSTRAINT audit_log_pkey;
ALTER TABLE audit_log_first ADD CONSTRAINT audit_log_pkey_first PRIMARY KEY USING INDEX audit_log_first_pkey;
ALTER TABLE audit_log_first ALTER COLUMN id DROP IDENTITY;
ALTER INDEX audit_log_of_user RENAME TO audit_log_first_of_user;
ALTER TRIGGER audit_log_is_append_only ON audit_log_first RENAME TO audit_log_first_is_append_only;

CREATE SEQUENCE audit_log_ids;
SELECT setval('audit_log_ids', coalesce((SELECT max(id) FROM audit_log_first), 0) + 1, false);

CREATE TABLE audit_log (
    id bigint NOT NULL DEFAULT nextval('audit_log_ids'),
    user_id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    cause_kind text NOT NULL,
    cause_id text NOT NULL,
    actor text NOT NULL,
    reason text,
    changes jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_log_pkey PRIMARY KEY (id, user_id, at),
    CONSTRAINT audit_log_changes_is_an_object CHECK (jsonb_typeof(changes) = 'object')
) PARTITION BY RANGE (at);
COMMENT ON TABLE audit_log IS 'Who changed what of whom, when and why: one row per commit that changed something.';
CREATE INDEX audit_log_of_user ON audit_log (user_id, at, id);
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

-- What was there is the first partition, up to where 0020 checked that it ends; what lies nowhere else, a time long past
-- or far ahead, goes to the default one. No insert ever fails for want of a partition.
DO $$
DECLARE
    one record;
    upper text;
BEGIN
    FOR one IN SELECT * FROM billing_partitioning() LOOP
        SELECT substring(pg_get_constraintdef(oid) FROM '''([^'']+)''') INTO STRICT upper
        FROM pg_constraint
        WHERE conrelid = (one.parent || '_first')::regclass AND conname = one.parent || '_first_ends';
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)',
                       one.parent, one.parent || '_first', upper);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', one.parent || '_first', one.parent || '_first_ends');
        EXECUTE billing_new_partition(one.parent, 'default', 'DEFAULT');
    END LOOP;
END
$$;
