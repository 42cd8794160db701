-- +goose Up
-- From when on the key is used: the active key of a purpose is the highest
-- generation that is past this. The default is for a binary of the release before,
-- which makes first keys only.
ALTER TABLE token_key ADD COLUMN activate_time INTEGER NOT NULL DEFAULT 0;

-- From when on nothing made with the key can be alive. Set when its successor is
-- made, which has an activate_time then.
ALTER TABLE token_key ADD COLUMN expire_time INTEGER;

-- A key that is there counts as activated now, as in Postgres.
UPDATE token_key SET activate_time = CAST(unixepoch('subsec')*1000000 AS INTEGER);

-- A key that was ended before its time. Its secret part is gone, so nothing brings
-- it back. Goes when the key would have expired. It has a table of its own for a
-- binary of the release before, which could not decrypt what is not there.
CREATE TABLE token_retired_key (
    purpose       TEXT    NOT NULL,
    generation    INTEGER NOT NULL,
    key_id        TEXT    NOT NULL,
    create_time   INTEGER NOT NULL,
    activate_time INTEGER NOT NULL,
    retire_time   INTEGER NOT NULL,
    expire_time   INTEGER NOT NULL,
    PRIMARY KEY (purpose, generation)
) STRICT, WITHOUT ROWID;
