-- +goose Up
-- An authorization code that was redeemed, or burned by a request that broke a
-- rule. Goes an hour after the code expired: until then a replay ends what the
-- code gave.
CREATE TABLE token_redemption (
    code_id     BLOB    PRIMARY KEY CHECK (length(code_id) = 16),
    expire_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX token_redemption_expire_time ON token_redemption (expire_time);

-- The refresh tokens that descend from one code, updated in place. Goes when the
-- family ends, or at its absolute expiry. Durations are microseconds.
CREATE TABLE token_family (
    id                   BLOB    PRIMARY KEY CHECK (length(id) = 16),
    grant_id             BLOB    NOT NULL CHECK (length(grant_id) = 16),
    client_id            TEXT    NOT NULL,
    sub                  TEXT    NOT NULL,
    subject_version      INTEGER NOT NULL,
    scope                TEXT    NOT NULL,
    resource             TEXT    NOT NULL, -- JSON array
    auth_time            INTEGER NOT NULL,
    generation           INTEGER NOT NULL CHECK (generation >= 0),
    key_id               INTEGER NOT NULL CHECK (key_id > 0),
    used                 INTEGER NOT NULL CHECK (used IN (0, 1)),
    lifetime             INTEGER NOT NULL,
    start_time           INTEGER NOT NULL,
    rotate_time          INTEGER NOT NULL,
    expire_time          INTEGER NOT NULL,
    absolute_expire_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX token_family_grant ON token_family (grant_id, start_time);
CREATE INDEX token_family_absolute_expire_time ON token_family (absolute_expire_time);

-- The shared resources of tokens that have too many to carry, by SHA-256. Never
-- changes; goes when no token can name it any more.
CREATE TABLE token_resource_set (
    digest    BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    resources BLOB    NOT NULL,
    keep_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX token_resource_set_keep_time ON token_resource_set (keep_time);

-- A sealing or signing key, encrypted by the key-encryption key. Stays until it
-- is retired and nothing made with it lives.
CREATE TABLE token_key (
    purpose     TEXT    NOT NULL,
    generation  INTEGER NOT NULL CHECK (generation > 0),
    ciphertext  BLOB    NOT NULL,
    create_time INTEGER NOT NULL,
    PRIMARY KEY (purpose, generation)
) STRICT, WITHOUT ROWID;
