-- no-transaction
-- Whose discounts a coupon is behind: it may be told after them.
CREATE INDEX CONCURRENTLY IF NOT EXISTS provider_objects_of_coupon
    ON provider_objects ((snapshot ->> 'coupon_id')) WHERE kind = 'discount';
