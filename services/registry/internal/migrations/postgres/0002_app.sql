-- +goose Up

CREATE TABLE registry.logo (
    digest      bytea PRIMARY KEY CHECK (length(digest) = 32),
    png         bytea       NOT NULL,
    create_time timestamptz NOT NULL DEFAULT statement_timestamp()
);
COMMENT ON TABLE registry.logo IS 'An uploaded logo by its SHA-256, as the registry has encoded it. Clients with the same logo share it. Swept when no client names it.';

ALTER TABLE registry.client
    ADD COLUMN description         text NOT NULL DEFAULT '',
    ADD COLUMN workspace_id        text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN visibility          text NOT NULL DEFAULT 'unlisted' CHECK (visibility IN ('internal', 'unlisted', 'public')),
    ADD COLUMN client_kind         text NOT NULL DEFAULT '',
    ADD COLUMN registration_digest bytea CHECK (length(registration_digest) = 32),
    ADD COLUMN logo_digest         bytea REFERENCES registry.logo,
    ADD COLUMN last_use_time       timestamptz,
    ADD COLUMN sort_key            text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN search_text         text COLLATE "C" NOT NULL DEFAULT '',
    ADD CONSTRAINT client_internal_owner CHECK (visibility <> 'internal' OR workspace_id <> ''),
    ADD CONSTRAINT client_registered_alone CHECK (registration_digest IS NULL OR workspace_id = '' AND visibility = 'unlisted');
COMMENT ON COLUMN registry.client.registration_digest IS 'SHA-256 of the registration access token (RFC 7592 §3) of a client that registered itself.';
COMMENT ON COLUMN registry.client.sort_key IS 'The name, or its beginning, without regard to case: the order of the public directory.';
COMMENT ON COLUMN registry.client.search_text IS 'Name and description without regard to case: what the public directory is searched by.';

CREATE INDEX client_workspace ON registry.client (workspace_id) WHERE workspace_id <> '';
CREATE INDEX client_registered ON registry.client (client_id) WHERE registration_digest IS NOT NULL;
CREATE INDEX client_public ON registry.client (sort_key, client_id) WHERE visibility = 'public';
CREATE INDEX client_logo ON registry.client (logo_digest) WHERE logo_digest IS NOT NULL;
