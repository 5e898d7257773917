-- What was told of access that ended by the clock.

ALTER TABLE user_access ADD COLUMN told_ended_at timestamptz;
COMMENT ON COLUMN user_access.told_ended_at IS
    'The expires_at of which others were told, or need not be told, that it has passed; null while it lies ahead.';
