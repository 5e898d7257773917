-- What we ask of the provider, what we tell others, and what we answered to whom.

CREATE TABLE operations (
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    command jsonb NOT NULL,
    state text NOT NULL,
    actor text NOT NULL,
    reason text,
    created_at timestamptz NOT NULL,
    attempts integer NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    key_generation integer NOT NULL,
    result_id text COLLATE "C",
    error_code text,
    error_message text,
    decline_code text,
    finished_at timestamptz,
    claimed_by text,
    claimed_until timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, user_id),
    CONSTRAINT operations_state CHECK (state IN ('pending', 'done', 'refused')),
    CONSTRAINT operations_attempts_not_negative CHECK (attempts >= 0),
    CONSTRAINT operations_keys_count_from_1 CHECK (key_generation >= 1),
    CONSTRAINT operations_finished_when_it_says_so CHECK ((state = 'pending') = (finished_at IS NULL)),
    CONSTRAINT operations_lease_is_whole CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
) WITH (fillfactor = 80);
COMMENT ON TABLE operations IS
    'Intents: what we ask the provider to change, written down before it is asked, and the outcome.';
CREATE INDEX operations_due ON operations (next_attempt_at, id) WHERE state = 'pending';
CREATE INDEX operations_of_user ON operations (user_id, name, created_at, id);
CREATE TRIGGER operations_touch BEFORE UPDATE ON operations FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE outbox (
    user_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    data jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    published_at timestamptz,
    claimed_by text,
    claimed_until timestamptz,
    CONSTRAINT outbox_versions_are_unique PRIMARY KEY (user_id, version),
    CONSTRAINT outbox_versions_count_from_1 CHECK (version >= 1),
    CONSTRAINT outbox_data_is_an_object CHECK (jsonb_typeof(data) = 'object'),
    CONSTRAINT outbox_lease_is_whole CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
) WITH (fillfactor = 80);
COMMENT ON TABLE outbox IS
    'What others are told, in the commit that made it so. Kept for 30 days after it was published.';
COMMENT ON COLUMN outbox.position IS 'Ascends with version for one user; the order in which everybody''s events are read.';
CREATE INDEX outbox_by_position ON outbox (position);
CREATE INDEX outbox_by_id ON outbox (id);
CREATE INDEX outbox_to_publish ON outbox (position) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

CREATE TABLE idempotency_keys (
    caller text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    request_hash bytea NOT NULL,
    claimed_by text,
    claimed_until timestamptz,
    status smallint,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key),
    CONSTRAINT idempotency_keys_answered_as_a_whole CHECK (num_nonnulls(status, headers, body) IN (0, 3)),
    CONSTRAINT idempotency_keys_no_server_error CHECK (status BETWEEN 200 AND 499),
    CONSTRAINT idempotency_keys_lease_is_whole CHECK ((claimed_by IS NULL) = (claimed_until IS NULL)),
    CONSTRAINT idempotency_keys_expire CHECK (expires_at > created_at)
);
COMMENT ON TABLE idempotency_keys IS
    'The first answer to each request with an Idempotency-Key, for 24 hours; without a status it is being answered.';
CREATE INDEX idempotency_keys_expired ON idempotency_keys (expires_at);
CREATE TRIGGER idempotency_keys_touch BEFORE UPDATE ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION billing_touch();
