-- Pauses: wishes of ours that a subscription rests from the end of its period on, with timers of ours.

CREATE TABLE pauses (
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    stripe_subscription_id text COLLATE "C" NOT NULL,
    state text NOT NULL,
    starts_at timestamptz NOT NULL,
    resumes_at timestamptz,
    due_at timestamptz,
    requested_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, user_id),
    CONSTRAINT pauses_state CHECK (state IN ('planned', 'in_force', 'over')),
    CONSTRAINT pauses_resumes_after_it_starts CHECK (resumes_at > starts_at)
);
COMMENT ON TABLE pauses IS 'Pauses of subscriptions: who asked for which, from when until when, and how far it is.';
COMMENT ON COLUMN pauses.due_at IS 'When there is something to do about it: begin, or take the subscription up again.';
CREATE INDEX pauses_of_user ON pauses (user_id, requested_at, id);
CREATE INDEX pauses_due ON pauses (due_at, id) WHERE due_at IS NOT NULL;
CREATE TRIGGER pauses_touch BEFORE UPDATE ON pauses FOR EACH ROW EXECUTE FUNCTION billing_touch();

ALTER TABLE subscriptions
    ADD COLUMN pending_quantity bigint,
    ADD COLUMN pause_starts_at timestamptz,
    ADD COLUMN pause_resumes_at timestamptz,
    ADD COLUMN changed_at timestamptz;
COMMENT ON COLUMN subscriptions.changed_at IS 'When it last changed at the provider; updated_at is when this row did.';
