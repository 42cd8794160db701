-- +goose Up

-- The name of a client that was deleted is its owner's until expire_time, and swept
-- after it. What was deleted before holds its name as it did.
ALTER TABLE registry_deleted_client ADD COLUMN expire_time INTEGER NOT NULL DEFAULT 0;
UPDATE registry_deleted_client SET expire_time = delete_time + 30*24*3600*1000000;
CREATE INDEX registry_deleted_client_expire_time ON registry_deleted_client (expire_time);

CREATE INDEX registry_client_sort_key ON registry_client (sort_key);
