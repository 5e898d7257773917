-- stripe-sync-engine brings its own tables.
SELECT 1;
