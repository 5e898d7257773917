-- What the provider told us: events as they came, facts for ever, and what the facts of each object add up to.

CREATE TABLE received_events (
    account text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    livemode boolean NOT NULL,
    api_version text,
    created timestamptz NOT NULL,
    customer_id text COLLATE "C",
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
    CONSTRAINT received_events_stored_once PRIMARY KEY (account, event_id),
    CONSTRAINT received_events_state
        CHECK (state IN ('stored', 'applied', 'parked', 'ignored', 'failed', 'dead')),
    CONSTRAINT received_events_attempts_not_negative CHECK (attempts >= 0),
    CONSTRAINT received_events_failed_is_tried_again CHECK (state <> 'failed' OR next_attempt_at IS NOT NULL),
    CONSTRAINT received_events_lease_is_whole CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
) WITH (fillfactor = 90);
COMMENT ON TABLE received_events IS
    'The inbox: every webhook whose signature verified, stored before it was answered, and what became of it.';
COMMENT ON COLUMN received_events.account IS 'The connected account that it is about; empty for our own.';
COMMENT ON COLUMN received_events.created IS 'When the provider says that it happened.';
COMMENT ON COLUMN received_events.payload IS 'The bytes as they came; removed after 90 days.';
CREATE INDEX received_events_due ON received_events (created, event_id) WHERE state IN ('stored', 'failed');
CREATE INDEX received_events_waiting ON received_events USING gin (waits_for) WHERE state = 'parked';
CREATE INDEX received_events_newest ON received_events (received_at, event_id);
CREATE INDEX received_events_newest_by_state ON received_events (state, received_at, event_id);
CREATE INDEX received_events_with_payload ON received_events (received_at) WHERE payload IS NOT NULL;
CREATE TRIGGER received_events_touch BEFORE UPDATE ON received_events FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE facts (
    id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    object_id text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C",
    type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    after jsonb NOT NULL,
    before jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT facts_known_once PRIMARY KEY (id),
    CONSTRAINT facts_at_a_whole_second CHECK (occurred_at = date_trunc('second', occurred_at))
);
COMMENT ON TABLE facts IS
    'Everything that the provider told us, normalised, one object a row, for ever. All other state is a fold over it.';
COMMENT ON COLUMN facts.recorded_at IS 'When we came to know it, in business time.';
CREATE INDEX facts_of_object ON facts (object_id, kind, occurred_at);
CREATE TRIGGER facts_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON facts
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

CREATE TABLE provider_objects (
    kind text NOT NULL,
    id text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C",
    snapshot jsonb NOT NULL,
    status_since timestamptz NOT NULL,
    statuses text[] NOT NULL,
    price_since timestamptz,
    trial_ending_at timestamptz,
    last_at timestamptz NOT NULL,
    facts integer NOT NULL,
    ambiguous boolean NOT NULL,
    fold_version integer NOT NULL,
    owners text[] COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, kind),
    CONSTRAINT provider_objects_folded_from_facts CHECK (facts >= 1)
) WITH (fillfactor = 80);
COMMENT ON TABLE provider_objects IS
    'The state of each of the provider''s objects: the stored result of folding its facts by the rules of fold_version.';
COMMENT ON COLUMN provider_objects.owners IS
    'Through which objects (kind:id) its customer is found, for one that has no customer yet; else empty.';
CREATE INDEX provider_objects_of_customer ON provider_objects (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX provider_objects_without_customer ON provider_objects USING gin (owners) WHERE customer_id IS NULL;
CREATE INDEX provider_objects_ambiguous ON provider_objects (last_at, id) WHERE ambiguous;
CREATE TRIGGER provider_objects_touch BEFORE UPDATE ON provider_objects FOR EACH ROW EXECUTE FUNCTION billing_touch();
