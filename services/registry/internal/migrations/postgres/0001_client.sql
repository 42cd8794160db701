-- +goose Up

CREATE TABLE registry.client (
    client_id                             text COLLATE "C" PRIMARY KEY CHECK (client_id <> ''),
    client_name                           text     NOT NULL CHECK (client_name <> ''),
    application_type                      text     NOT NULL CHECK (application_type IN ('web', 'native')),
    token_endpoint_auth_method            text     NOT NULL CHECK (token_endpoint_auth_method IN ('client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none')),
    redirect_uris                         text[]   NOT NULL,
    grant_types                           text[]   NOT NULL CHECK (cardinality(grant_types) > 0),
    scope                                 text     NOT NULL,
    default_scope                         text     NOT NULL,
    jwks                                  text     NOT NULL,
    client_uri                            text     NOT NULL,
    logo_uri                              text     NOT NULL,
    policy_uri                            text     NOT NULL,
    tos_uri                               text     NOT NULL,
    require_pkce                          boolean  NOT NULL,
    require_pushed_authorization_requests boolean  NOT NULL,
    id_token_signed_response_alg          text     NOT NULL CHECK (id_token_signed_response_alg IN ('RS256', 'ES256')),
    audience                              text[]   NOT NULL,
    access_token_lifetime                 bigint   NOT NULL CHECK (access_token_lifetime >= 0),
    refresh_token_lifetime                bigint   NOT NULL CHECK (refresh_token_lifetime >= 0),
    refresh_rotation                      text     NOT NULL CHECK (refresh_rotation IN ('', 'always', 'threshold', 'never')),
    refresh_grace                         bigint            CHECK (refresh_grace >= 0),
    skip_consent                          boolean  NOT NULL,
    unverified                            boolean  NOT NULL,
    require_revocation_auth               boolean  NOT NULL,
    version                               bigint   NOT NULL DEFAULT 1 CHECK (version > 0),
    scope_version                         bigint   NOT NULL DEFAULT 1 CHECK (scope_version > 0),
    revision                              bigint   NOT NULL DEFAULT 1 CHECK (revision > 0),
    create_time                           timestamptz NOT NULL DEFAULT statement_timestamp(),
    CHECK (application_type <> 'native' OR token_endpoint_auth_method = 'none'),
    CHECK (token_endpoint_auth_method <> 'private_key_jwt' OR jwks <> ''),
    CHECK (token_endpoint_auth_method <> 'none' OR require_pkce)
);
CREATE INDEX client_create_time ON registry.client (create_time, client_id);
COMMENT ON TABLE registry.client IS 'One OAuth client. Goes when it is deleted; its id is random and never comes back. Lifetimes are whole seconds, 0 meaning the preset''s.';

CREATE TABLE registry.client_secret (
    secret_id     uuid PRIMARY KEY,
    client_id     text COLLATE "C" NOT NULL REFERENCES registry.client ON DELETE CASCADE,
    digest        bytea       NOT NULL UNIQUE CHECK (length(digest) = 32),
    hint          text        NOT NULL CHECK (length(hint) = 4),
    create_time   timestamptz NOT NULL DEFAULT statement_timestamp(),
    last_use_time timestamptz
);
CREATE INDEX client_secret_client ON registry.client_secret (client_id, create_time, secret_id);
COMMENT ON TABLE registry.client_secret IS 'One secret of a client, as its SHA-256. Goes when it is revoked, or with its client.';

CREATE TABLE registry.client_origin (
    origin    text COLLATE "C" NOT NULL CHECK (origin <> ''),
    client_id text COLLATE "C" NOT NULL REFERENCES registry.client ON DELETE CASCADE,
    PRIMARY KEY (origin, client_id)
);
CREATE INDEX client_origin_client ON registry.client_origin (client_id);
COMMENT ON TABLE registry.client_origin IS 'The web origin of a redirect URI. Follows redirect_uris of its client.';

CREATE TABLE registry.used_assertion (
    client_id   text COLLATE "C" NOT NULL,
    jti_digest  bytea       NOT NULL CHECK (length(jti_digest) = 32),
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (client_id, jti_digest)
);
CREATE INDEX used_assertion_expire_time ON registry.used_assertion (expire_time);
COMMENT ON TABLE registry.used_assertion IS 'A client assertion that was accepted, and must not be again (RFC 7523 §3). Swept after expire_time, when it could not be accepted anyway.';
