-- The database role that `billing serve` and `billing worker` connect as. Run it once as the owner of the database, after
-- `billing migrate`, and again after each upgrade that brings new tables:
--
--     psql "$DATABASE_DIRECT_URL" -v ON_ERROR_STOP=1 -f docs/how-to/service-role.sql
--     psql "$DATABASE_DIRECT_URL" -c '\password billing_service'
--
-- Migrations go on being run as the owner. The role cannot create, alter or drop anything, nor change what is kept for ever.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'billing_service') THEN
        CREATE ROLE billing_service LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT;
    END IF;
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO billing_service;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM billing_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO billing_service;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO billing_service;

-- Partitions are reached through their table; rows without a partition of their own are what the service removes itself.
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT oid FROM pg_class WHERE relispartition AND relkind = 'r' LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM billing_service', part);
    END LOOP;
END
$$;
GRANT SELECT, UPDATE, DELETE ON received_events_default, outbox_default TO billing_service;
-- These make and take away partitions with the rights of the owner, and nothing else.
GRANT EXECUTE ON FUNCTION billing_make_partitions(timestamptz), billing_take_away_partition(timestamptz) TO billing_service;

-- Written once, and never again.
REVOKE UPDATE, DELETE ON facts, audit_log FROM billing_service;
-- The migrations' own, and the offset of business time, which `billing dev` alone moves.
REVOKE INSERT, UPDATE, DELETE ON billing_migrations, business_clock FROM billing_service;
