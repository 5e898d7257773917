-- Who is who: our users and the provider's customers; and what is ours about users alone.

CREATE TABLE user_stripe_mapping (
    user_id text COLLATE "C" PRIMARY KEY,
    customer_id text COLLATE "C" NOT NULL,
    source text NOT NULL,
    linked_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_stripe_mapping_customer_has_one_user UNIQUE (customer_id)
);
COMMENT ON TABLE user_stripe_mapping IS
    'One customer per user, one user per customer. Never changed: a conflict is shown to a person.';
COMMENT ON COLUMN user_stripe_mapping.source IS 'What the match rests on.';

CREATE TABLE user_versions (
    user_id text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_versions_not_negative CHECK (version >= 0)
) WITH (fillfactor = 80);
COMMENT ON TABLE user_versions IS
    'How many events were told about each user: counts up by one, without a gap, in the commit that tells them.';
CREATE TRIGGER user_versions_touch BEFORE UPDATE ON user_versions FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE manual_grants (
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    resource_type text NOT NULL,
    resource_id text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    granted_by text NOT NULL,
    granted_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, user_id),
    CONSTRAINT manual_grants_resource_type CHECK (resource_type IN ('platform', 'course', 'learning_path', 'lab'))
);
COMMENT ON TABLE manual_grants IS 'Grants by hand: who gave what to whom, why, and whether it was taken back.';
CREATE INDEX manual_grants_of_user ON manual_grants (user_id, granted_at, id);
CREATE TRIGGER manual_grants_touch BEFORE UPDATE ON manual_grants FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    cause_kind text NOT NULL,
    cause_id text NOT NULL,
    actor text NOT NULL,
    reason text,
    changes jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, user_id),
    CONSTRAINT audit_log_changes_is_an_object CHECK (jsonb_typeof(changes) = 'object')
);
COMMENT ON TABLE audit_log IS 'Who changed what of whom, when and why: one row per commit that changed something.';
CREATE INDEX audit_log_of_user ON audit_log (user_id, at, id);
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
