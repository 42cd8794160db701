-- +goose Up
-- How a family began: as what the client came, NULL where the release before has not
-- noted it; the version of the grant, since what was allowed later is not for the
-- family; and the chosen workspace, where exactly one is to be chosen.
ALTER TABLE token_family ADD COLUMN client_identity BLOB CHECK (length(client_identity) = 32);
ALTER TABLE token_family ADD COLUMN grant_version INTEGER NOT NULL DEFAULT 0 CHECK (grant_version >= 0);
ALTER TABLE token_family ADD COLUMN workspace_id BLOB CHECK (length(workspace_id) = 16);
