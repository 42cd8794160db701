-- +goose Up

-- An uploaded logo by its SHA-256, as the registry has encoded it. Clients with
-- the same logo share it. Swept when no client names it.
CREATE TABLE registry_logo (
    digest      BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    png         BLOB    NOT NULL,
    create_time INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec')*1000000 AS INTEGER))
) STRICT;

ALTER TABLE registry_client ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE registry_client ADD COLUMN workspace_id TEXT NOT NULL DEFAULT '';
ALTER TABLE registry_client ADD COLUMN visibility TEXT NOT NULL DEFAULT 'unlisted'
    CHECK (visibility IN ('internal', 'unlisted', 'public'))
    CHECK (visibility <> 'internal' OR workspace_id <> '');
ALTER TABLE registry_client ADD COLUMN client_kind TEXT NOT NULL DEFAULT '';
-- SHA-256 of the registration access token (RFC 7592 §3) of a client that
-- registered itself.
ALTER TABLE registry_client ADD COLUMN registration_digest BLOB
    CHECK (length(registration_digest) = 32)
    CHECK (registration_digest IS NULL OR workspace_id = '' AND visibility = 'unlisted');
ALTER TABLE registry_client ADD COLUMN logo_digest BLOB REFERENCES registry_logo;
ALTER TABLE registry_client ADD COLUMN last_use_time INTEGER;
-- The name, or its beginning, without regard to case: the order of the public
-- directory.
ALTER TABLE registry_client ADD COLUMN sort_key TEXT NOT NULL DEFAULT '';
-- Name and description without regard to case: what the public directory is
-- searched by.
ALTER TABLE registry_client ADD COLUMN search_text TEXT NOT NULL DEFAULT '';

CREATE INDEX registry_client_workspace ON registry_client (workspace_id) WHERE workspace_id <> '';
CREATE INDEX registry_client_registered ON registry_client (client_id) WHERE registration_digest IS NOT NULL;
CREATE INDEX registry_client_public ON registry_client (sort_key, client_id) WHERE visibility = 'public';
CREATE INDEX registry_client_logo ON registry_client (logo_digest) WHERE logo_digest IS NOT NULL;
