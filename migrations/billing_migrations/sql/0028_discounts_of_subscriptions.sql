-- Which discounts a subscription has: filled as accounts are derived again.
ALTER TABLE subscriptions ADD COLUMN discounts jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN subscriptions.discounts IS 'The coupons that lessen the next invoice, and until when.';
