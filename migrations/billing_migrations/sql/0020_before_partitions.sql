-- no-transaction
-- What the inbox, the outbox and the audit log need before they can become the first partition of a table that is
-- partitioned by time (0021): the keys that they have then, and the moment at which that partition ends. Built and
-- checked while the service goes on; each paragraph bears being run again.

UPDATE received_events SET customer_id = '' WHERE customer_id IS NULL;

-- squawk-ignore ban-drop-constraint -- what a run that was cut off left
ALTER TABLE received_events DROP CONSTRAINT IF EXISTS received_events_names_a_customer;

-- squawk-ignore prefer-robust-stmts -- dropped just before
ALTER TABLE received_events ADD CONSTRAINT received_events_names_a_customer CHECK (customer_id IS NOT NULL) NOT VALID;

-- squawk-ignore constraint-missing-not-valid -- this is a transaction of its own, as the first line says
ALTER TABLE received_events VALIDATE CONSTRAINT received_events_names_a_customer;

DROP INDEX CONCURRENTLY IF EXISTS received_events_first_stored_once;

-- squawk-ignore prefer-robust-stmts, ban-concurrent-index-creation-in-transaction -- there is none, as the first line says
CREATE UNIQUE INDEX CONCURRENTLY received_events_first_stored_once
ON received_events (account, event_id, created, customer_id);

DROP INDEX CONCURRENTLY IF EXISTS outbox_first_versions_are_unique;

-- squawk-ignore prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
CREATE UNIQUE INDEX CONCURRENTLY outbox_first_versions_are_unique ON outbox (user_id, version, recorded_at);

ALTER TABLE outbox ADD COLUMN IF NOT EXISTS written_by bigint NOT NULL DEFAULT 0;

DROP INDEX CONCURRENTLY IF EXISTS outbox_first_in_order;

-- squawk-ignore prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY outbox_first_in_order ON outbox (written_by, position);

DROP INDEX CONCURRENTLY IF EXISTS audit_log_first_pkey;

-- squawk-ignore prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
CREATE UNIQUE INDEX CONCURRENTLY audit_log_first_pkey ON audit_log (id, user_id, at);

-- Where the first partition ends: after all that is there, and not before two weeks from now, so that nothing that is
-- written until 0021 lies beyond it. Checked here, so that attaching it there needs no look at its rows.
DO $$
DECLARE
    part record;
    upper timestamptz;
BEGIN
    PERFORM set_config('timezone', 'UTC', true);
    FOR part IN SELECT * FROM (VALUES ('received_events', 'created', 'week'), ('outbox', 'recorded_at', 'week'),
                                      ('audit_log', 'at', 'month')) AS v (tab, col, width)
    LOOP
        EXECUTE format('SELECT date_trunc(%L, greatest(now(), max(%I)) + interval ''14 days'') + %L::interval FROM %I',
                       part.width, part.col, '1 ' || part.width, part.tab) INTO upper;
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT IF EXISTS %I', part.tab, part.tab || '_first_ends');
        EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (%I < %L) NOT VALID',
                       part.tab, part.tab || '_first_ends', part.col, upper);
    END LOOP;
END
$$;

ALTER TABLE received_events VALIDATE CONSTRAINT received_events_first_ends;

ALTER TABLE outbox VALIDATE CONSTRAINT outbox_first_ends;

ALTER TABLE audit_log VALIDATE CONSTRAINT audit_log_first_ends;
