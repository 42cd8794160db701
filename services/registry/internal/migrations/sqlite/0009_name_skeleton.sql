-- +goose Up

-- Digest of the skeleton of client_name (UTS 39), which is that of all names that look
-- the same. NULL where it is not known yet: the registry fills it in.
ALTER TABLE registry_client ADD COLUMN name_skeleton BLOB CHECK (length(name_skeleton) = 32);
CREATE INDEX registry_client_name_skeleton ON registry_client (name_skeleton, workspace_id) WHERE registration_digest IS NULL;
CREATE INDEX registry_client_name_unread ON registry_client (workspace_id, client_id) WHERE registration_digest IS NULL AND name_skeleton IS NULL;

-- A binary of the release before changes the name, and leaves its skeleton as it is.
-- +goose StatementBegin
CREATE TRIGGER registry_client_end_name_skeleton AFTER UPDATE OF client_name ON registry_client
WHEN NEW.client_name <> OLD.client_name AND NEW.name_skeleton = OLD.name_skeleton
BEGIN
    UPDATE registry_client SET name_skeleton = NULL WHERE client_id = NEW.client_id;
END;
-- +goose StatementEnd
