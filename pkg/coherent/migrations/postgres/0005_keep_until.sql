-- +goose NO TRANSACTION
-- +goose Up
-- What an attempt that was cut short has left is of no use.
DROP INDEX CONCURRENTLY IF EXISTS coherence.restriction_log_keep_until;
CREATE INDEX CONCURRENTLY restriction_log_keep_until ON coherence.restriction_log (keep_until);
