-- The journal as it stands, summed up by day: a report over years reads days, not lines.

CREATE TABLE journal_days (
    kind text COLLATE "C" NOT NULL,
    day date NOT NULL,
    currency text COLLATE "C" NOT NULL,
    price_id text COLLATE "C" NOT NULL,
    cohort date NOT NULL,
    amount bigint NOT NULL,
    committed bigint NOT NULL,
    customers bigint NOT NULL,
    entries bigint NOT NULL,
    PRIMARY KEY (kind, day, currency, price_id, cohort),
    CONSTRAINT journal_days_not_fewer_than_none CHECK (entries >= 0)
) WITH (fillfactor = 80);
COMMENT ON TABLE journal_days IS
    'The sums of the lines of journal that stand, by day (UTC), price and month of beginning; kept by triggers on journal.';
COMMENT ON COLUMN journal_days.price_id IS 'Empty for lines without a price.';

CREATE FUNCTION billing_sum_up_journal() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO journal_days AS d
    SELECT
        kind, (at AT TIME ZONE 'UTC')::date, currency, coalesce(price_id, ''),
        date_trunc('month', since AT TIME ZONE 'UTC')::date,
        sum(amount), sum(committed), sum(customers), count(*)
    FROM added WHERE known_until = 'infinity'
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (kind, day, currency, price_id, cohort) DO UPDATE SET
        amount = d.amount + excluded.amount,
        committed = d.committed + excluded.committed,
        customers = d.customers + excluded.customers,
        entries = d.entries + excluded.entries;
    RETURN NULL;
END
$$;
CREATE TRIGGER journal_is_summed_up AFTER INSERT ON journal
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION billing_sum_up_journal();

CREATE FUNCTION billing_take_off_journal() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE journal_days d SET
        amount = d.amount - gone.amount,
        committed = d.committed - gone.committed,
        customers = d.customers - gone.customers,
        entries = d.entries - gone.entries
    FROM (
        SELECT
            kind, (at AT TIME ZONE 'UTC')::date AS day, currency, coalesce(price_id, '') AS price_id,
            date_trunc('month', since AT TIME ZONE 'UTC')::date AS cohort,
            sum(amount) AS amount, sum(committed) AS committed, sum(customers) AS customers, count(*) AS entries
        FROM struck WHERE known_until = 'infinity'
        GROUP BY 1, 2, 3, 4, 5
    ) AS gone
    WHERE d.kind = gone.kind AND d.day = gone.day AND d.currency = gone.currency
        AND d.price_id = gone.price_id AND d.cohort = gone.cohort;
    RETURN NULL;
END
$$;
CREATE TRIGGER journal_lines_are_taken_off AFTER UPDATE ON journal
    REFERENCING OLD TABLE AS struck FOR EACH STATEMENT EXECUTE FUNCTION billing_take_off_journal();
