-- Which account of the provider this database is about, and how far each comparison with it has come.

CREATE TABLE provider_account (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT provider_account_has_one_row CHECK (only_row),
    account_id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE provider_account IS
    'The account and mode that were compared with first: a key of another one is refused.';

CREATE TABLE reconciliations (
    name text COLLATE "C" PRIMARY KEY,
    progress jsonb NOT NULL,
    claimed_by text,
    claimed_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reconciliations_progress_is_an_object CHECK (jsonb_typeof(progress) = 'object'),
    CONSTRAINT reconciliations_lease_is_whole CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
) WITH (fillfactor = 80);
COMMENT ON TABLE reconciliations IS
    'How far each run has come, so that one that was killed goes on where it was; leased to one process at a time.';
CREATE TRIGGER reconciliations_touch BEFORE UPDATE ON reconciliations FOR EACH ROW EXECUTE FUNCTION billing_touch();
