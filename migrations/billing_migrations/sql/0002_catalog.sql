-- What is and was sold. Small tables, read whole.

CREATE SEQUENCE catalog_versions;
COMMENT ON SEQUENCE catalog_versions IS
    'Versions of the catalog: a sequence, so that a number is never given twice, not even after a rollback.';

CREATE TABLE catalog_state (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT catalog_state_has_one_row CHECK (only_row),
    version bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE catalog_state IS 'Which version of the catalog is stored, so that a process knows whether its copy is fresh.';
INSERT INTO catalog_state (only_row) VALUES (true);
CREATE TRIGGER catalog_state_touch BEFORE UPDATE ON catalog_state FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE subscription_plans (
    id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    position integer NOT NULL,
    is_current boolean NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    price_amount bigint NOT NULL,
    price_currency text NOT NULL,
    interval text NOT NULL,
    interval_count integer NOT NULL,
    trial_days integer NOT NULL,
    rank integer NOT NULL,
    features jsonb NOT NULL,
    grants jsonb NOT NULL,
    stripe_price_id text COLLATE "C",
    active boolean NOT NULL,
    withdrawn boolean NOT NULL,
    renewal_slack_hours integer NOT NULL,
    grace_days integer NOT NULL,
    effective_from timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, version),
    CONSTRAINT subscription_plans_id_is_a_slug CHECK (id ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    CONSTRAINT subscription_plans_version_counts_from_1 CHECK (version >= 1),
    CONSTRAINT subscription_plans_price_not_negative CHECK (price_amount >= 0),
    CONSTRAINT subscription_plans_currency CHECK (price_currency ~ '^[a-z]{3}$'),
    CONSTRAINT subscription_plans_interval CHECK (interval IN ('day', 'week', 'month', 'year')),
    CONSTRAINT subscription_plans_interval_count CHECK (interval_count BETWEEN 1 AND 1095),
    CONSTRAINT subscription_plans_trial_days CHECK (trial_days BETWEEN 0 AND 730),
    CONSTRAINT subscription_plans_slack_not_negative CHECK (renewal_slack_hours >= 0),
    CONSTRAINT subscription_plans_grace_not_negative CHECK (grace_days >= 0),
    CONSTRAINT subscription_plans_features_is_a_list CHECK (jsonb_typeof(features) = 'array'),
    CONSTRAINT subscription_plans_grants_is_a_list CHECK (jsonb_typeof(grants) = 'array')
);
COMMENT ON TABLE subscription_plans IS
    'A row per version of a plan. What was agreed in a version never changes; names and activity follow the provider.';
COMMENT ON COLUMN subscription_plans.position IS 'Its place in the catalog, counted from 0.';
CREATE UNIQUE INDEX subscription_plans_one_current ON subscription_plans (id) WHERE is_current;
CREATE TRIGGER subscription_plans_touch BEFORE UPDATE ON subscription_plans
    FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE catalog_items (
    resource_type text NOT NULL,
    resource_id text COLLATE "C" NOT NULL,
    position integer NOT NULL,
    name text NOT NULL,
    price_amount bigint NOT NULL,
    price_currency text NOT NULL,
    contains jsonb NOT NULL,
    refund_window_days integer NOT NULL,
    refund_zone text NOT NULL,
    active boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (resource_type, resource_id),
    CONSTRAINT catalog_items_resource_type CHECK (resource_type IN ('platform', 'course', 'learning_path', 'lab')),
    CONSTRAINT catalog_items_price_not_negative CHECK (price_amount >= 0),
    CONSTRAINT catalog_items_currency CHECK (price_currency ~ '^[a-z]{3}$'),
    CONSTRAINT catalog_items_window_not_negative CHECK (refund_window_days >= 0),
    CONSTRAINT catalog_items_contains_is_a_list CHECK (jsonb_typeof(contains) = 'array')
);
COMMENT ON TABLE catalog_items IS 'What can be bought singly, and what access to it opens too (contains).';
CREATE TRIGGER catalog_items_touch BEFORE UPDATE ON catalog_items FOR EACH ROW EXECUTE FUNCTION billing_touch();
