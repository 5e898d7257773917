-- Not before when an object's status began: filled as objects are folded again.
ALTER TABLE provider_objects ADD COLUMN IF NOT EXISTS status_not_before timestamptz;
COMMENT ON COLUMN provider_objects.status_not_before IS
    'status_since where that change was told, else when the object was last known to have another status.';
