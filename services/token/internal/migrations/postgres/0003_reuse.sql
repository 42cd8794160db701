-- +goose Up
-- A binary of the release before rotates without these columns: the row then knows
-- by rotate_time when the predecessor of the token in use was replaced, and of those
-- before it what it knew already.
ALTER TABLE token.family
    ADD COLUMN replaced      bigint[]      NOT NULL DEFAULT '{}',
    ADD COLUMN replace_times timestamptz[] NOT NULL DEFAULT '{}',
    ADD COLUMN repeat_time   timestamptz;
COMMENT ON COLUMN token.family.replaced IS
    'Generations that were replaced within the window of the client, at most 31, without the last, which was replaced at rotate_time.';
COMMENT ON COLUMN token.family.replace_times IS
    'When each of those was replaced, in the same order.';
COMMENT ON COLUMN token.family.repeat_time IS
    'When it was last recorded that a replaced token came within the window: at most once an hour. NULL where none did.';

CREATE TABLE token.reuse (
    grant_id   uuid        NOT NULL,
    late       boolean     NOT NULL,
    reuse_time timestamptz NOT NULL,
    PRIMARY KEY (grant_id, late)
);
COMMENT ON TABLE token.reuse IS
    'When a refresh token of a grant was last presented that had been replaced. Goes 90 days later.';
COMMENT ON COLUMN token.reuse.late IS
    'It ended its family: it came after the window, or from another client. Otherwise it came within the window, and reuse_time is exact to the hour.';

CREATE INDEX reuse_reuse_time ON token.reuse (reuse_time);
