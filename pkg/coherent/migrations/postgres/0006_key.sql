-- +goose NO TRANSACTION
-- +goose Up
-- A build that was cut off leaves an index that no query uses.
DROP INDEX CONCURRENTLY IF EXISTS coherence.restriction_log_key;
CREATE INDEX CONCURRENTLY restriction_log_key ON coherence.restriction_log (kind, key);

-- The value of a token (kind 1) is its family, 16 bytes, and its client.
DROP INDEX CONCURRENTLY IF EXISTS coherence.restriction_log_family;
CREATE INDEX CONCURRENTLY restriction_log_family ON coherence.restriction_log (substring(value, 1, 16)) WHERE kind = 1;

COMMENT ON COLUMN coherence.restriction_log.value IS
    'Client scope: what is still allowed. Membership: the role still held. Token, grant and family: the client that is charged for the room; before it, of a token, 16 bytes of its family.';
