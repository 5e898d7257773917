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

-- Written once, and never again.
REVOKE UPDATE, DELETE ON facts, audit_log FROM billing_service;
-- The migrations' own, and the offset of business time, which `billing dev` alone moves.
REVOKE INSERT, UPDATE, DELETE ON billing_migrations, business_clock FROM billing_service;
