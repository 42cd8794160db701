-- +goose Up
-- A row is swept an hour after keep_until, when no token it could concern is alive.
CREATE INDEX coherence_restriction_log_keep_until ON coherence_restriction_log (keep_until);
