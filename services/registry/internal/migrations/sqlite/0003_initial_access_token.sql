-- +goose Up

-- One token by which clients may register themselves (RFC 7591 §3), as its
-- SHA-256. Goes when it is revoked; swept after expire_time.
CREATE TABLE registry_initial_access_token (
    token_id    TEXT    NOT NULL PRIMARY KEY,
    digest      BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    hint        TEXT    NOT NULL CHECK (length(hint) = 4),
    create_time INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec')*1000000 AS INTEGER)),
    expire_time INTEGER NOT NULL,
    CHECK (expire_time > create_time)
) STRICT;
CREATE INDEX registry_initial_access_token_expire_time ON registry_initial_access_token (expire_time);
