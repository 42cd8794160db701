-- Who may do what in the database of Chancery: one role owns the schema and
-- migrates it, and one for each service may use what that service needs.
--
--   psql --set ON_ERROR_STOP=1 --file roles.sql URL    as a superuser, or as who may create roles and owns the database
--   CHANCERY_DATABASE=URL chancery migrate up          as chancery_owner
--   psql --set ON_ERROR_STOP=1 --file roles.sql URL    again: the tables that services share are there now
--
-- It says what is to be, so it may run at any time, beside running services, and
-- again and again. A table that a later migration adds to the schema of a service
-- needs no further run; what it adds to the schemas coherence or event does,
-- because there the services differ in what they may.
--
-- The roles have no password, so nobody can log in as one until you give it one,
-- or map a client certificate to it:
--
--   ALTER ROLE chancery_token PASSWORD '…';
--
-- The gateway needs no database, and has no role here.

BEGIN;
-- That a schema is there already is as it should be.
SET LOCAL client_min_messages = warning;
-- Two runs at once would meet in the catalog.
SELECT pg_advisory_xact_lock(hashtextextended('chancery/roles', 0));

DO $$
DECLARE
    services constant text[] := ARRAY['authorize', 'token', 'consent', 'introspection', 'registry', 'directory'];
    owners   constant text[] := ARRAY['authorize', 'token', 'consent', 'registry', 'directory'];
    shared   constant text[] := ARRAY['coherence', 'event'];
    name     text;
    object   record;
BEGIN
    -- Roles. One that is there already keeps its password, and must not be able
    -- to do more than a new one. The settings are for whoever logs in by hand:
    -- services set the same on connecting.
    FOREACH name IN ARRAY array_prepend('owner', services) LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'chancery_' || name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', 'chancery_' || name);
        END IF;
        PERFORM FROM pg_roles
          WHERE rolname = 'chancery_' || name AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls);
        IF FOUND THEN
            RAISE EXCEPTION 'role chancery_% can do more than it should: take its attributes away, or drop it', name;
        END IF;
        EXECUTE format('ALTER ROLE %I SET search_path = pg_catalog, pg_temp', 'chancery_' || name);
        EXECUTE format('ALTER ROLE %I SET synchronous_commit = on', 'chancery_' || name);
        EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', 'chancery_' || name, '30s');
    END LOOP;
    FOREACH name IN ARRAY services LOOP
        EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', 'chancery_' || name, '10s');
    END LOOP;

    -- Only a member may give away what the owner has.
    IF NOT pg_has_role('chancery_owner', 'MEMBER') THEN
        EXECUTE format('GRANT chancery_owner TO %I', current_user);
    END IF;

    -- The database: nobody else connects, only the owner makes schemas, and no
    -- service makes temporary tables.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO chancery_owner', current_database());

    -- Schemas. Where somebody else has migrated before, the owner takes over.
    FOREACH name IN ARRAY owners || shared LOOP
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', name);
        EXECUTE format('ALTER SCHEMA %I OWNER TO chancery_owner', name);
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', name);
    END LOOP;
    FOR object IN
        SELECT c.oid::regclass AS name
          FROM pg_class c
         WHERE c.relnamespace = ANY (SELECT n.oid FROM pg_namespace n WHERE n.nspname = ANY (owners || shared))
           AND c.relkind IN ('r', 'p')
           AND c.relowner <> 'chancery_owner'::regrole
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO chancery_owner', object.name);
    END LOOP;
    FOR object IN
        SELECT p.oid::regprocedure AS name
          FROM pg_proc p
         WHERE p.pronamespace = ANY (SELECT n.oid FROM pg_namespace n WHERE n.nspname = ANY (owners || shared))
           AND p.proowner <> 'chancery_owner'::regrole
    LOOP
        EXECUTE format('ALTER ROUTINE %s OWNER TO chancery_owner', object.name);
    END LOOP;

    -- What a role may is what the rest of this file grants, and no more: an
    -- earlier version of it may have granted something else.
    FOREACH name IN ARRAY services LOOP
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM %I', current_database(), 'chancery_' || name);
        EXECUTE format('REVOKE ALL ON SCHEMA authorize, token, consent, registry, directory, coherence, event FROM %I', 'chancery_' || name);
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA authorize, token, consent, registry, directory, coherence, event FROM %I', 'chancery_' || name);
        EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA authorize, token, consent, registry, directory, coherence, event FROM %I', 'chancery_' || name);
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), 'chancery_' || name);
    END LOOP;

    -- A service reads and changes the rows of its own schema, those of tables
    -- that do not exist yet as well. It draws from sequences, but never sets one.
    FOREACH name IN ARRAY owners LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', name, 'chancery_' || name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I', name, 'chancery_' || name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE chancery_owner IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', name, 'chancery_' || name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE chancery_owner IN SCHEMA %I GRANT USAGE ON SEQUENCES TO %I', name, 'chancery_' || name);
        -- How far the schema is: the service looks, when it starts.
        IF to_regclass(format('%I.goose_db_version', name)) IS NOT NULL THEN
            EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %I.goose_db_version FROM %I', name, 'chancery_' || name);
        END IF;
    END LOOP;
END
$$;

-- share grants privileges on a table that several services use.
CREATE FUNCTION pg_temp.share(privileges text, target text, VARIADIC roles text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY roles LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', split_part(target, '.', 1), 'chancery_' || name);
        -- Before the first migration there is no table yet.
        IF to_regclass(target) IS NOT NULL THEN
            EXECUTE format('GRANT %s ON %s TO %I', privileges, to_regclass(target), 'chancery_' || name);
        END IF;
    END LOOP;
END
$$;

DO $$
BEGIN
    PERFORM pg_temp.share('SELECT', 'coherence.goose_db_version', 'authorize', 'token', 'consent', 'introspection', 'registry', 'directory');
    PERFORM pg_temp.share('SELECT', 'event.goose_db_version', 'authorize', 'token', 'consent', 'introspection', 'registry', 'directory');

    -- A service that takes something away says so. No service takes that back or
    -- locks the table: the registry sweeps what is over by a function of the owner.
    PERFORM pg_temp.share('INSERT', 'coherence.restriction_log', 'authorize', 'token', 'consent', 'registry', 'directory');
    IF to_regprocedure('coherence.sweep(timestamptz, timestamptz, integer)') IS NOT NULL THEN
        GRANT EXECUTE ON FUNCTION coherence.sweep(timestamptz, timestamptz, integer) TO chancery_registry;
    END IF;
    -- What a failover has lost, the replicas that know it write back.
    PERFORM pg_temp.share('SELECT, INSERT', 'coherence.restriction_log', 'introspection');

    -- A poll proves itself by a write. To change columns is not to lock the table.
    PERFORM pg_temp.share('SELECT, INSERT, UPDATE (n, poll_time)', 'coherence.poll_fence', 'introspection');

    -- The epoch is sealed into tokens, and raised by the owner alone.
    PERFORM pg_temp.share('SELECT', 'coherence.restore_epoch', 'token', 'introspection');

    -- Every change is written down in its own transaction. Nobody changes or
    -- deletes a record; the registry relays the events, and shows the records.
    PERFORM pg_temp.share('INSERT', 'event.audit_log', 'authorize', 'token', 'consent', 'registry', 'directory');
    PERFORM pg_temp.share('INSERT', 'event.outbox', 'authorize', 'token', 'consent', 'registry', 'directory');
    PERFORM pg_temp.share('SELECT', 'event.audit_log', 'registry');
    -- To take rows so that no other relay takes them needs the right to change a
    -- column, whichever that is.
    PERFORM pg_temp.share('SELECT, DELETE, UPDATE (traceparent)', 'event.outbox', 'registry');
END
$$;

COMMIT;
