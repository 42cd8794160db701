-- +goose Up

-- One OAuth client. Goes when it is deleted; its id is random and never comes
-- back. Lifetimes are whole seconds, 0 meaning the preset's. Lists are JSON.
CREATE TABLE registry_client (
    client_id                             TEXT    NOT NULL PRIMARY KEY CHECK (client_id <> ''),
    client_name                           TEXT    NOT NULL CHECK (client_name <> ''),
    application_type                      TEXT    NOT NULL CHECK (application_type IN ('web', 'native')),
    token_endpoint_auth_method            TEXT    NOT NULL CHECK (token_endpoint_auth_method IN ('client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none')),
    redirect_uris                         TEXT    NOT NULL CHECK (json_type(redirect_uris) = 'array'),
    grant_types                           TEXT    NOT NULL CHECK (json_array_length(grant_types) > 0),
    scope                                 TEXT    NOT NULL,
    default_scope                         TEXT    NOT NULL,
    jwks                                  TEXT    NOT NULL,
    client_uri                            TEXT    NOT NULL,
    logo_uri                              TEXT    NOT NULL,
    policy_uri                            TEXT    NOT NULL,
    tos_uri                               TEXT    NOT NULL,
    require_pkce                          INTEGER NOT NULL CHECK (require_pkce IN (0, 1)),
    require_pushed_authorization_requests INTEGER NOT NULL CHECK (require_pushed_authorization_requests IN (0, 1)),
    id_token_signed_response_alg          TEXT    NOT NULL CHECK (id_token_signed_response_alg IN ('RS256', 'ES256')),
    audience                              TEXT    NOT NULL CHECK (json_type(audience) = 'array'),
    access_token_lifetime                 INTEGER NOT NULL CHECK (access_token_lifetime >= 0),
    refresh_token_lifetime                INTEGER NOT NULL CHECK (refresh_token_lifetime >= 0),
    refresh_rotation                      TEXT    NOT NULL CHECK (refresh_rotation IN ('', 'always', 'threshold', 'never')),
    refresh_grace                         INTEGER          CHECK (refresh_grace >= 0),
    skip_consent                          INTEGER NOT NULL CHECK (skip_consent IN (0, 1)),
    unverified                            INTEGER NOT NULL CHECK (unverified IN (0, 1)),
    require_revocation_auth               INTEGER NOT NULL CHECK (require_revocation_auth IN (0, 1)),
    version                               INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
    scope_version                         INTEGER NOT NULL DEFAULT 1 CHECK (scope_version > 0),
    revision                              INTEGER NOT NULL DEFAULT 1 CHECK (revision > 0),
    create_time                           INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec')*1000000 AS INTEGER)),
    CHECK (application_type <> 'native' OR token_endpoint_auth_method = 'none'),
    CHECK (token_endpoint_auth_method <> 'private_key_jwt' OR jwks <> ''),
    CHECK (token_endpoint_auth_method <> 'none' OR require_pkce = 1)
) STRICT;
CREATE INDEX registry_client_create_time ON registry_client (create_time, client_id);

-- One secret of a client, as its SHA-256. Goes when it is revoked, or with its
-- client.
CREATE TABLE registry_client_secret (
    secret_id     TEXT    NOT NULL PRIMARY KEY,
    client_id     TEXT    NOT NULL REFERENCES registry_client ON DELETE CASCADE,
    digest        BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    hint          TEXT    NOT NULL CHECK (length(hint) = 4),
    create_time   INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec')*1000000 AS INTEGER)),
    last_use_time INTEGER
) STRICT;
CREATE INDEX registry_client_secret_client ON registry_client_secret (client_id, create_time, secret_id);

-- The web origin of a redirect URI. Follows redirect_uris of its client.
CREATE TABLE registry_client_origin (
    origin    TEXT NOT NULL CHECK (origin <> ''),
    client_id TEXT NOT NULL REFERENCES registry_client ON DELETE CASCADE,
    PRIMARY KEY (origin, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX registry_client_origin_client ON registry_client_origin (client_id);

-- A client assertion that was accepted, and must not be again (RFC 7523
-- §3). Swept after expire_time, when it could not be accepted anyway.
CREATE TABLE registry_used_assertion (
    client_id   TEXT    NOT NULL,
    jti_digest  BLOB    NOT NULL CHECK (length(jti_digest) = 32),
    expire_time INTEGER NOT NULL,
    PRIMARY KEY (client_id, jti_digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX registry_used_assertion_expire_time ON registry_used_assertion (expire_time);
