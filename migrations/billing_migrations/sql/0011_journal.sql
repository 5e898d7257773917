-- The journal: the lines that every report is a sum of, as they stand and as they stood.

CREATE TABLE journal (
    customer_id text COLLATE "C" NOT NULL,
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    committed bigint NOT NULL,
    customers smallint NOT NULL,
    price_id text COLLATE "C",
    subject_id text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL,
    facts text[] COLLATE "C" NOT NULL,
    known_from timestamptz NOT NULL,
    known_until timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (customer_id, id),
    CONSTRAINT journal_is_known_for_a_while CHECK (known_from <= known_until)
);
COMMENT ON TABLE journal IS
    'What facts mean for the books, one line each: MRR movements, money, trials, dunning. Every report is a sum of it.';
COMMENT ON COLUMN journal.amount IS
    'Signed. MRR (new expansion reactivation contraction churn plan): millionths of a minor unit per month; else minor units.';
COMMENT ON COLUMN journal.known_from IS 'From when, by recorded_at of the facts, it has stood; until known_until.';
CREATE INDEX journal_of_kind ON journal (kind, at);

CREATE TABLE journal_queue (
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    object_id text COLLATE "C" NOT NULL
);
COMMENT ON TABLE journal_queue IS 'Facts that are not in the journal yet; a worker takes them out and writes it anew.';

-- One statement adds facts, whatever adds them; so one trigger sees all of them.
CREATE FUNCTION billing_queue_for_journal() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO journal_queue (kind, object_id) SELECT added.kind, added.object_id FROM added;
    RETURN NULL;
END
$$;
CREATE TRIGGER facts_are_queued_for_journal AFTER INSERT ON facts
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION billing_queue_for_journal();
INSERT INTO journal_queue (kind, object_id) SELECT kind, id FROM provider_objects;
