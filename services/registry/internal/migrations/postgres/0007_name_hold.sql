-- +goose Up

-- What was deleted before holds its name as it did. A binary that does not know the
-- column holds none.
ALTER TABLE registry.deleted_client ADD COLUMN expire_time timestamptz NOT NULL DEFAULT statement_timestamp();
UPDATE registry.deleted_client SET expire_time = delete_time + interval '30 days';
CREATE INDEX deleted_client_expire_time ON registry.deleted_client (expire_time);
COMMENT ON TABLE registry.deleted_client IS 'The name of a client that was deleted, which is its owner''s for a while. Swept after expire_time. The digest is of the name without regard to case, width and style.';

CREATE INDEX client_sort_key ON registry.client (sort_key);
