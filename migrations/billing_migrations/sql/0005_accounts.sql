-- What the facts about each user add up to. Derived, so that everything here but orders can be made anew from facts.
--
-- No constraint here refuses what a provider may say: its statuses are an open set, its periods and invoice amounts its
-- own affair, and a second subscription is recorded when it has happened (commands are what refuse it). What follows
-- from our own rules, whatever was said, is held: money is conserved, a place has one holder.

CREATE TABLE subscriptions (
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    plan_id text COLLATE "C" NOT NULL,
    plan_version integer NOT NULL,
    status text NOT NULL,
    quantity bigint NOT NULL,
    current_period_start timestamptz,
    current_period_end timestamptz,
    trial_end timestamptz,
    cancel_at_period_end boolean NOT NULL,
    cancel_at timestamptz,
    canceled_at timestamptz,
    ended_at timestamptz,
    cancellation_reason text,
    pending_plan_id text COLLATE "C",
    pending_effective_at timestamptz,
    paid_through timestamptz,
    past_due_since timestamptz,
    grace_until timestamptz,
    pause_behavior text,
    trial_ending_at timestamptz,
    stripe_subscription_id text COLLATE "C" NOT NULL,
    stripe_item_id text COLLATE "C" NOT NULL,
    stripe_schedule_id text COLLATE "C",
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, user_id),
    CONSTRAINT subscriptions_pending_change_names_a_plan
        CHECK (pending_plan_id IS NOT NULL OR pending_effective_at IS NULL),
    CONSTRAINT subscriptions_grace_follows_a_failure CHECK (grace_until IS NULL OR past_due_since <= grace_until)
) WITH (fillfactor = 80);
COMMENT ON TABLE subscriptions IS 'Each subscription of each user, as its facts add up; status is the provider''s own word.';
CREATE INDEX subscriptions_of_user ON subscriptions (user_id, created_at, id);
CREATE TRIGGER subscriptions_touch BEFORE UPDATE ON subscriptions FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE purchases (
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    resource_type text NOT NULL,
    resource_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    price_amount bigint NOT NULL,
    price_currency text NOT NULL,
    refund_window_days integer NOT NULL,
    refund_zone text NOT NULL,
    is_foreign boolean NOT NULL,
    success_url text NOT NULL DEFAULT '',
    cancel_url text NOT NULL DEFAULT '',
    given_up_at timestamptz,
    status text,
    slot text NOT NULL,
    captured_amount bigint,
    captured_currency text,
    refunded_amount bigint,
    refunded_currency text,
    disputed_amount bigint,
    disputed_currency text,
    purchased_at timestamptz,
    refunded_at timestamptz,
    disputed_at timestamptz,
    dispute_open boolean,
    stripe_session_id text COLLATE "C",
    checkout_url text,
    checkout_expires_at timestamptz,
    stripe_payment_intent_id text COLLATE "C",
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, user_id),
    CONSTRAINT purchases_resource_type CHECK (resource_type IN ('platform', 'course', 'learning_path', 'lab')),
    CONSTRAINT purchases_price_not_negative CHECK (price_amount >= 0),
    CONSTRAINT purchases_currency CHECK (price_currency ~ '^[a-z]{3}$'),
    CONSTRAINT purchases_window_not_negative CHECK (refund_window_days >= 0),
    CONSTRAINT purchases_status CHECK (
        status IN ('pending', 'completed', 'failed', 'expired', 'partially_refunded', 'refunded', 'disputed')
    ),
    CONSTRAINT purchases_slot CHECK (slot IN ('reserved', 'processing', 'owned', 'duplicate', 'free')),
    CONSTRAINT purchases_foreign_ones_are_derived CHECK (status IS NOT NULL OR NOT is_foreign),
    CONSTRAINT purchases_derived_as_a_whole CHECK (
        num_nonnulls(
            status, captured_amount, captured_currency, refunded_amount, refunded_currency, disputed_amount,
            disputed_currency, dispute_open
        ) IN (0, 8)
    ),
    CONSTRAINT purchases_paid_when_it_says_so CHECK (
        (purchased_at IS NOT NULL) = (status IN ('completed', 'partially_refunded', 'refunded', 'disputed'))
        OR status IS NULL
    ),
    CONSTRAINT purchases_owned_once_paid CHECK (slot <> 'owned' OR purchased_at IS NOT NULL),
    CONSTRAINT purchases_money_is_conserved CHECK (
        captured_amount >= 0 AND refunded_amount >= 0 AND disputed_amount >= 0
        AND refunded_amount + disputed_amount <= captured_amount
    )
) WITH (fillfactor = 80);
COMMENT ON TABLE purchases IS
    'Orders, as they were agreed, and what became of each by its facts. status is null until that was derived once.';
COMMENT ON COLUMN purchases.is_foreign IS 'Whether it was paid through a session that we did not make, so that there is no order.';
COMMENT ON COLUMN purchases.slot IS 'Whether it keeps its user from buying the same thing again.';
CREATE UNIQUE INDEX purchases_one_holder ON purchases (user_id, resource_type, resource_id)
    WHERE slot IN ('reserved', 'processing', 'owned');
CREATE INDEX purchases_of_user ON purchases (user_id, created_at, id);
CREATE TRIGGER purchases_touch BEFORE UPDATE ON purchases FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE payments (
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    amount_refunded bigint NOT NULL,
    amount_disputed bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    description text,
    subscription_id text COLLATE "C",
    plan_id text COLLATE "C",
    purchase_id text COLLATE "C",
    resource_type text,
    resource_id text COLLATE "C",
    invoice_id text COLLATE "C",
    failure_code text,
    failure_message text,
    stripe_payment_intent_id text COLLATE "C" NOT NULL,
    stripe_invoice_id text COLLATE "C",
    paid_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, user_id),
    CONSTRAINT payments_status CHECK (
        status IN ('processing', 'succeeded', 'failed', 'canceled', 'partially_refunded', 'refunded', 'disputed')
    ),
    CONSTRAINT payments_currency CHECK (currency ~ '^[a-z]{3}$'),
    CONSTRAINT payments_money_is_conserved CHECK (
        amount >= 0 AND amount_refunded >= 0 AND amount_disputed >= 0 AND amount_refunded + amount_disputed <= amount
    ),
    CONSTRAINT payments_for_one_thing CHECK (subscription_id IS NULL OR purchase_id IS NULL)
) WITH (fillfactor = 80);
COMMENT ON TABLE payments IS 'One row per payment, what it was for, and where its money is: amount = kept + refunded + disputed.';
COMMENT ON COLUMN payments.amount IS 'Captured, once it succeeded; asked for before. Minor units of currency, like all amounts.';
CREATE INDEX payments_of_user ON payments (user_id, created_at, id);
CREATE TRIGGER payments_touch BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE refunds (
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    payment_id text COLLATE "C" NOT NULL,
    purchase_id text COLLATE "C",
    subscription_id text COLLATE "C",
    amount bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    reason text,
    failure_reason text,
    stripe_refund_id text COLLATE "C" NOT NULL,
    operation_id text COLLATE "C",
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, user_id),
    CONSTRAINT refunds_amount_not_negative CHECK (amount >= 0),
    CONSTRAINT refunds_currency CHECK (currency ~ '^[a-z]{3}$')
);
COMMENT ON TABLE refunds IS 'Each refund of each payment, whoever made it; status is the provider''s own word.';
CREATE INDEX refunds_of_user ON refunds (user_id, created_at, id);
CREATE TRIGGER refunds_touch BEFORE UPDATE ON refunds FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE invoices (
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    number text,
    status text NOT NULL,
    amount_due bigint NOT NULL,
    amount_paid bigint NOT NULL,
    currency text NOT NULL,
    period_start timestamptz,
    period_end timestamptz,
    subscription_id text COLLATE "C",
    hosted_invoice_url text,
    invoice_pdf_url text,
    attempt_count integer NOT NULL,
    next_attempt_at timestamptz,
    paid_at timestamptz,
    stripe_invoice_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, user_id),
    CONSTRAINT invoices_currency CHECK (currency ~ '^[a-z]{3}$')
) WITH (fillfactor = 80);
COMMENT ON TABLE invoices IS 'Each invoice of each user with the service period of its lines.';
CREATE INDEX invoices_of_user ON invoices (user_id, created_at, id);
CREATE TRIGGER invoices_touch BEFORE UPDATE ON invoices FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE payment_methods (
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    brand text,
    last4 text,
    exp_month integer,
    exp_year integer,
    fingerprint text,
    is_default boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, user_id)
);
COMMENT ON TABLE payment_methods IS 'The attached payment methods; id is the provider''s own.';
CREATE INDEX payment_methods_of_user ON payment_methods (user_id, created_at, id);
CREATE TRIGGER payment_methods_touch BEFORE UPDATE ON payment_methods FOR EACH ROW EXECUTE FUNCTION billing_touch();

CREATE TABLE user_access (
    user_id text COLLATE "C" NOT NULL,
    resource_type text NOT NULL,
    resource_id text COLLATE "C" NOT NULL,
    source_kind text NOT NULL,
    source_id text COLLATE "C" NOT NULL,
    granted_at timestamptz NOT NULL,
    expires_at timestamptz,
    opens text NOT NULL,
    blocked text,
    blocked_at timestamptz,
    lapses text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, source_kind, source_id, resource_type, resource_id),
    CONSTRAINT user_access_resource_type CHECK (resource_type IN ('platform', 'course', 'learning_path', 'lab')),
    CONSTRAINT user_access_source_kind CHECK (source_kind IN ('subscription', 'purchase', 'manual')),
    CONSTRAINT user_access_opens CHECK (
        opens IN (
            'subscription_active', 'subscription_trialing', 'within_grace', 'purchased', 'granted_manually'
        )
    ),
    CONSTRAINT user_access_blocked CHECK (
        blocked IN (
            'revoked', 'disputed', 'refunded', 'incomplete', 'paused', 'payment_overdue', 'subscription_ended',
            'expired', 'no_grant'
        )
    ),
    CONSTRAINT user_access_lapses CHECK (
        lapses IN (
            'revoked', 'disputed', 'refunded', 'incomplete', 'paused', 'payment_overdue', 'subscription_ended',
            'expired', 'no_grant'
        )
    ),
    CONSTRAINT user_access_blocked_for_a_reason CHECK (blocked IS NOT NULL OR blocked_at IS NULL)
) WITH (fillfactor = 80);
COMMENT ON TABLE user_access IS
    'What each source opens for each user, from when until when, or why it does not. Decided when asked, by these times.';
CREATE TRIGGER user_access_touch BEFORE UPDATE ON user_access FOR EACH ROW EXECUTE FUNCTION billing_touch();
