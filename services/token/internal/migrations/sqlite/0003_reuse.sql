-- +goose Up
-- Generations that were replaced within the window of the client, each with the
-- instant, at most 31, without the last, which was replaced at rotate_time: a JSON
-- array of pairs.
ALTER TABLE token_family ADD COLUMN replaced TEXT NOT NULL DEFAULT '[]';

-- When it was last recorded that a replaced token came within the window: at most
-- once an hour. NULL where none did.
ALTER TABLE token_family ADD COLUMN repeat_time INTEGER;

-- When a refresh token of a grant was last presented that had been replaced. Goes
-- 90 days later. late: it ended its family: it came after the window, or from
-- another client. Otherwise it came within the window, and reuse_time is exact to
-- the hour.
CREATE TABLE token_reuse (
    grant_id   BLOB    NOT NULL CHECK (length(grant_id) = 16),
    late       INTEGER NOT NULL CHECK (late IN (0, 1)),
    reuse_time INTEGER NOT NULL,
    PRIMARY KEY (grant_id, late)
) STRICT, WITHOUT ROWID;

CREATE INDEX token_reuse_reuse_time ON token_reuse (reuse_time);
