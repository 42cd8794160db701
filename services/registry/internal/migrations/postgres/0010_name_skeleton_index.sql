-- +goose NO TRANSACTION
-- +goose Up

-- An attempt that was cut short leaves an index that is of no use.
DROP INDEX CONCURRENTLY IF EXISTS registry.client_name_skeleton;
CREATE INDEX CONCURRENTLY client_name_skeleton ON registry.client (name_skeleton, workspace_id) WHERE registration_digest IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS registry.client_name_unread;
CREATE INDEX CONCURRENTLY client_name_unread ON registry.client (workspace_id, client_id) WHERE registration_digest IS NULL AND name_skeleton IS NULL;
