-- +goose Up

CREATE TABLE registry.initial_access_token (
    token_id    uuid PRIMARY KEY,
    digest      bytea       NOT NULL UNIQUE CHECK (length(digest) = 32),
    hint        text        NOT NULL CHECK (length(hint) = 4),
    create_time timestamptz NOT NULL DEFAULT statement_timestamp(),
    expire_time timestamptz NOT NULL,
    CHECK (expire_time > create_time)
);
CREATE INDEX initial_access_token_expire_time ON registry.initial_access_token (expire_time);
COMMENT ON TABLE registry.initial_access_token IS 'One token by which clients may register themselves (RFC 7591 §3), as its SHA-256. Goes when it is revoked; swept after expire_time.';
