-- +goose Up
-- A binary of the release before loads its keys once, when it starts, and uses the
-- highest generation of each purpose whatever activate_time says. For sealing keys
-- that is harmless: who meets a key it does not know reads the keys anew, and
-- finds this one, since it was published first. What such a binary signs is in the
-- key set of every replica that reads keys as they come.
--
-- A key that is there counts as activated now. Otherwise an old one would be
-- rotated by the first replica of the new release, while replicas that load keys
-- only once still run beside it.
ALTER TABLE token.key
    ADD COLUMN activate_time timestamptz NOT NULL DEFAULT statement_timestamp(),
    ADD COLUMN expire_time   timestamptz;
COMMENT ON TABLE token.key IS
    'A sealing or signing key, encrypted by the key-encryption key. Goes when it expires or is retired.';
COMMENT ON COLUMN token.key.activate_time IS
    'From when on the key is used. The active key of a purpose is the highest generation that is past this.';
COMMENT ON COLUMN token.key.expire_time IS
    'From when on nothing made with the key can be alive. Set when its successor is made, which has an activate_time then.';

-- A table of its own: a binary of the release before could not decrypt a key
-- without its secret part, and would not start.
CREATE TABLE token.retired_key (
    purpose       text        COLLATE "C" NOT NULL,
    generation    bigint      NOT NULL,
    key_id        text        COLLATE "C" NOT NULL,
    create_time   timestamptz NOT NULL,
    activate_time timestamptz NOT NULL,
    retire_time   timestamptz NOT NULL DEFAULT statement_timestamp(),
    expire_time   timestamptz NOT NULL,
    PRIMARY KEY (purpose, generation)
);
COMMENT ON TABLE token.retired_key IS
    'A key that was ended before its time. Its secret part is gone, so nothing brings it back. Goes when the key would have expired.';
