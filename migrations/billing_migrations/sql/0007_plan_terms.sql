-- What else a subscriber agrees to with a version of a plan: how it is tried, what is done about an unpaid renewal,
-- and how one comes from it to other plans.

ALTER TABLE subscription_plans ADD COLUMN terms jsonb NOT NULL DEFAULT '{}'
    CONSTRAINT subscription_plans_terms_is_an_object CHECK (jsonb_typeof(terms) = 'object');
COMMENT ON COLUMN subscription_plans.terms IS
    'trial, dunning and changes: policies as data; what a version leaves out has the default.';
