-- +goose Up
CREATE INDEX coherence_restriction_log_key ON coherence_restriction_log (kind, key);

-- The value of a token (kind 1) is its family, 16 bytes, and its client. That of a
-- grant or family is its client.
CREATE INDEX coherence_restriction_log_family ON coherence_restriction_log (substr(value, 1, 16)) WHERE kind = 1;
