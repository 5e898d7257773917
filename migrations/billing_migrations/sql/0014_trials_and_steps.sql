-- Who has or had a trial, and what our own schedule does about subscriptions when its day comes.

CREATE TABLE trial_marks (
    kind text NOT NULL,
    value text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    claim_id text COLLATE "C" NOT NULL,
    claimed_at timestamptz NOT NULL,
    look_at timestamptz,
    began_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, value),
    CONSTRAINT trial_marks_kind CHECK (kind IN ('user', 'email', 'card'))
);
COMMENT ON TABLE trial_marks IS
    'By what a person is known who has or had a trial. Each mark is held once, across all users: that is the point of it.';
COMMENT ON COLUMN trial_marks.value IS 'A user id, a keyed hash of an address, or the provider''s fingerprint of a card.';
COMMENT ON COLUMN trial_marks.claim_id IS 'The operation that opens the checkout of the trial.';
CREATE INDEX trial_marks_of_claim ON trial_marks (claim_id);
CREATE INDEX trial_marks_of_user ON trial_marks (user_id);
CREATE INDEX trial_marks_to_look_at ON trial_marks (look_at, claim_id) WHERE look_at IS NOT NULL;
CREATE TRIGGER trial_marks_touch BEFORE UPDATE ON trial_marks FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE steps_taken (
    user_id text COLLATE "C" NOT NULL,
    stripe_subscription_id text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    number text COLLATE "C" NOT NULL,
    taken_at timestamptz NOT NULL,
    operation_id text COLLATE "C",
    PRIMARY KEY (user_id, subject, kind, number),
    CONSTRAINT steps_taken_kind CHECK (kind IN ('trial_reminder', 'reminder', 'retry', 'look_up', 'method', 'last_step'))
);
COMMENT ON TABLE steps_taken IS
    'Reminders, retries and last steps that our own schedule took: each once, in the commit of what it asks of the provider.';
COMMENT ON COLUMN steps_taken.subject IS 'The provider''s id of the unpaid invoice, or of the subscription on trial.';
CREATE TRIGGER steps_taken_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON steps_taken
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

ALTER TABLE subscriptions ADD COLUMN dunning jsonb;
ALTER TABLE subscriptions ADD COLUMN next_step jsonb;
ALTER TABLE subscriptions ADD COLUMN next_step_at timestamptz;
COMMENT ON COLUMN subscriptions.dunning IS 'What is being done about an unpaid renewal; null while there is none.';
COMMENT ON COLUMN subscriptions.next_step_at IS 'When our own schedule does something about it next; next_step says what.';
