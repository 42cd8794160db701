-- +goose Up
CREATE TABLE token.redemption (
    code_id     uuid        PRIMARY KEY,
    expire_time timestamptz NOT NULL
);
COMMENT ON TABLE token.redemption IS
    'An authorization code that was redeemed, or burned by a request that broke a rule. Goes an hour after the code expired: until then a replay ends what the code gave.';

CREATE INDEX redemption_expire_time ON token.redemption (expire_time);

CREATE TABLE token.family (
    id                   uuid        PRIMARY KEY,
    grant_id             uuid        NOT NULL,
    client_id            text        COLLATE "C" NOT NULL,
    sub                  text        COLLATE "C" NOT NULL,
    subject_version      bigint      NOT NULL,
    scope                text        COLLATE "C" NOT NULL,
    resource             text[]      NOT NULL,
    auth_time            timestamptz NOT NULL,
    generation           bigint      NOT NULL CHECK (generation >= 0),
    key_id               bigint      NOT NULL CHECK (key_id > 0),
    used                 boolean     NOT NULL,
    lifetime             interval    NOT NULL,
    start_time           timestamptz NOT NULL,
    rotate_time          timestamptz NOT NULL,
    expire_time          timestamptz NOT NULL,
    absolute_expire_time timestamptz NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE token.family IS
    'The refresh tokens that descend from one code, updated in place. Goes when the family ends, or at its absolute expiry.';
COMMENT ON COLUMN token.family.generation IS 'Of the token in use.';
COMMENT ON COLUMN token.family.key_id IS 'Of the sealing key that the token in use was made with.';
COMMENT ON COLUMN token.family.used IS 'The token in use has been presented, so its predecessor is out of use.';

-- No column of an index changes with a rotation, so that the update stays on its page.
CREATE INDEX family_grant ON token.family (grant_id, start_time);
CREATE INDEX family_absolute_expire_time ON token.family (absolute_expire_time);

CREATE TABLE token.resource_set (
    digest    bytea       PRIMARY KEY CHECK (octet_length(digest) = 32),
    resources bytea       NOT NULL,
    keep_time timestamptz NOT NULL
);
COMMENT ON TABLE token.resource_set IS
    'The shared resources of tokens that have too many to carry, by SHA-256. Never changes; goes when no token can name it any more.';

CREATE INDEX resource_set_keep_time ON token.resource_set (keep_time);

CREATE TABLE token.key (
    purpose     text        COLLATE "C" NOT NULL,
    generation  bigint      NOT NULL CHECK (generation > 0),
    ciphertext  bytea       NOT NULL,
    create_time timestamptz NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (purpose, generation)
);
COMMENT ON TABLE token.key IS
    'A sealing or signing key, encrypted by the key-encryption key. Stays until it is retired and nothing made with it lives.';
