-- What makes partitions ahead and takes away those past their time. The service's own role may neither make nor drop a
-- table: these two do it with the rights of the owner, for these tables alone, and nobody can tell them a later hour than
-- it is. They wait for a lock only briefly: whoever calls them comes again a minute later.

CREATE FUNCTION billing_make_partitions(at timestamptz DEFAULT now()) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '1s' AS $$
DECLARE
    one record;
    ahead integer;
    begins timestamptz;
    ends timestamptz;
    suffix text;
    statement text;
    made integer := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('billing_partitions', 0)) THEN
        RETURN 0; -- somebody else is at it
    END IF;
    at := least(at, clock_timestamp());
    -- Numbers of transactions begin anew where rows were restored into another cluster: those rows are the oldest.
    UPDATE outbox SET written_by = 0 WHERE written_by >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
    FOR one IN SELECT * FROM billing_partitioning() LOOP
        FOR ahead IN 0..one.ahead LOOP
            begins := date_trunc(one.width, at) + ahead * ('1 ' || one.width)::interval;
            ends := begins + ('1 ' || one.width)::interval;
            CONTINUE WHEN EXISTS (
                SELECT FROM billing_partitions(one.parent) AS p WHERE p.lower < ends AND begins < p.upper
            );
            suffix := to_char(begins, CASE one.width WHEN 'week' THEN '"y"IYYY"w"IW' ELSE '"y"YYYY"m"MM' END);
            statement := billing_new_partition(
                one.parent, suffix, format('FOR VALUES FROM (%L) TO (%L)', begins, ends)
            );
            -- What came while there was no partition for it is in the default one, and moves.
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', one.parent || '_default');
            EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', one.parent || '_default');
            EXECUTE format(
                'WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
                one.parent || '_default', one.key, begins, one.key, ends, one.parent || '_' || suffix
            );
            EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', one.parent || '_default');
            EXECUTE statement;
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION billing_make_partitions(timestamptz) IS
    'Makes the partitions of this time and those ahead of it; how many it made.';

CREATE FUNCTION billing_is_over(parent text, part text, kept_from timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    needed boolean := false;
BEGIN
    IF parent = 'received_events' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE received_at > $1)', part) INTO needed USING kept_from;
    ELSIF parent = 'outbox' THEN
        EXECUTE format(
            'SELECT EXISTS (SELECT FROM %1$I WHERE published_at IS NULL) OR EXISTS (SELECT FROM %1$I WHERE published_at > $1)',
            part) INTO needed USING kept_from;
    END IF;
    RETURN NOT needed;
END
$$;
COMMENT ON FUNCTION billing_is_over(text, text, timestamptz) IS
    'Whether nothing in a partition is kept any longer: a late webhook, or an event that is not published.';

CREATE FUNCTION billing_take_away_partition(at timestamptz DEFAULT now()) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '200ms' AS $$
DECLARE
    one record;
BEGIN
    at := least(at, clock_timestamp());
    FOR one IN
        SELECT c.parent, c.kept, p.name FROM billing_partitioning() AS c, billing_partitions(c.parent) AS p
        WHERE p.upper <= at - c.kept ORDER BY p.upper, c.parent
    LOOP
        CONTINUE WHEN NOT billing_is_over(one.parent, one.name, at - one.kept);
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', one.parent);
        -- Once more, now that nobody writes; and whether it is there yet, for another one may have been quicker.
        CONTINUE WHEN to_regclass(one.name) IS NULL OR NOT billing_is_over(one.parent, one.name, at - one.kept);
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', one.parent, one.name);
        IF one.parent = 'received_events' THEN
            -- What waits or needs a person stays, without its bytes; there is no other partition for it but the default.
            EXECUTE format('UPDATE %I SET payload = NULL WHERE state IN (''stored'', ''parked'', ''failed'', ''dead'')', one.name);
            EXECUTE format(
                'INSERT INTO received_events SELECT * FROM %I WHERE state IN (''stored'', ''parked'', ''failed'', ''dead'')', one.name
            );
        END IF;
        IF one.parent <> 'audit_log' THEN -- what is audited is kept by whoever owns the database
            EXECUTE format('DROP TABLE %I', one.name);
        END IF;
        RETURN one.name;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION billing_take_away_partition(timestamptz) IS
    'Takes away the oldest partition that is past its time; its name, or null where there is none.';

REVOKE ALL ON FUNCTION billing_new_partition(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION billing_make_partitions(timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION billing_take_away_partition(timestamptz) FROM PUBLIC;

SELECT billing_make_partitions();
