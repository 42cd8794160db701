-- +goose Up
-- A restriction that went too early would bring a token back. So no row changes,
-- and none goes before it has been over for an hour by the clock of the database.
-- The guards hold with session_replication_role = replica as well.
-- To pass them a superuser has to take them away, and that changes the identity
-- which each poll reads: replicas then compare the log with what they know.
-- +goose StatementBegin
CREATE FUNCTION coherence.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a restriction stays as it is until it has been over for an hour' USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd
CREATE TRIGGER restriction_log_no_update BEFORE UPDATE ON coherence.restriction_log
    FOR EACH ROW EXECUTE FUNCTION coherence.refuse_change();
CREATE TRIGGER restriction_log_no_early_delete BEFORE DELETE ON coherence.restriction_log
    FOR EACH ROW WHEN (OLD.keep_until >= statement_timestamp() - interval '1 hour')
    EXECUTE FUNCTION coherence.refuse_change();
CREATE TRIGGER restriction_log_no_truncate BEFORE TRUNCATE ON coherence.restriction_log
    FOR EACH STATEMENT EXECUTE FUNCTION coherence.refuse_change();
ALTER TABLE coherence.restriction_log
    ENABLE ALWAYS TRIGGER restriction_log_no_update,
    ENABLE ALWAYS TRIGGER restriction_log_no_early_delete,
    ENABLE ALWAYS TRIGGER restriction_log_no_truncate;

-- A role that may delete from a table may also lock it against everybody. So the
-- sweep is a function of the owner, and a service needs no right on the tables.
CREATE FUNCTION coherence.sweep(batch integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH fence AS (
        DELETE FROM coherence.poll_fence
         WHERE poll_time < statement_timestamp() - interval '1 day'
    ), swept AS (
        DELETE FROM coherence.restriction_log
         WHERE id IN (
            SELECT id
              FROM coherence.restriction_log
             WHERE keep_until < statement_timestamp() - interval '1 hour'
             LIMIT batch
               FOR UPDATE SKIP LOCKED)
        RETURNING id
    )
    SELECT count(*) FROM swept
$$;
REVOKE EXECUTE ON FUNCTION coherence.sweep FROM PUBLIC;
COMMENT ON FUNCTION coherence.sweep IS
    'Deletes at most that many rows of the restriction log that have been over for an hour, and the fences of replicas that have been gone for a day. Returns how many restrictions went.';
