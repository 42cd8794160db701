-- +goose Up
-- Batches go by the clock that the caller believes, and by an index.
DROP FUNCTION coherence.sweep(integer);
CREATE FUNCTION coherence.sweep(since timestamptz, due timestamptz, batch integer, OUT gone bigint, OUT last timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH fence AS (
        DELETE FROM coherence.poll_fence
         WHERE poll_time < least(due, statement_timestamp() - interval '1 hour') - interval '23 hours'
    ), swept AS (
        DELETE FROM coherence.restriction_log
         WHERE ctid = ANY (ARRAY (
               SELECT ctid
                 FROM coherence.restriction_log
                WHERE keep_until >= since AND keep_until < least(due, statement_timestamp() - interval '1 hour')
                ORDER BY keep_until
                LIMIT batch
                  FOR UPDATE SKIP LOCKED))
        RETURNING keep_until
    )
    SELECT count(*), max(keep_until) FROM swept
$$;
REVOKE EXECUTE ON FUNCTION coherence.sweep FROM PUBLIC;
COMMENT ON FUNCTION coherence.sweep IS
    'Deletes rows of the restriction log that were to be kept until an instant from since to due, which has to be an hour ago, the first of them first and at most that many; and the fences of replicas that were gone 23 hours before due. Returns how many restrictions went, and until when the last of them was to be kept.';

COMMENT ON TABLE coherence.restriction_log IS
    'One row: something that is no longer allowed, written by the transaction that took it away. Rows are never changed. Swept an hour after keep_until, when no token it could concern is alive.';
COMMENT ON TABLE coherence.poll_fence IS
    'One row per replica, written by each of its polls. The commit of that write proves that the server which answered was still the one that acknowledges. Swept a day after the last poll.';
