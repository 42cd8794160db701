-- +goose Up

-- A client that was deleted, unless it had registered itself. Stays for good: its
-- id is nobody else's ever, and its name for a while its owner's. The digest is of
-- the name without regard to case, width and style.
CREATE TABLE registry_deleted_client (
    client_id    TEXT    NOT NULL PRIMARY KEY,
    workspace_id TEXT    NOT NULL,
    name_digest  BLOB    NOT NULL CHECK (length(name_digest) = 32),
    delete_time  INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec')*1000000 AS INTEGER))
) STRICT;
CREATE INDEX registry_deleted_client_name ON registry_deleted_client (name_digest, delete_time);

-- A workspace that is being deleted, or was: no client is made for it any more.
-- Stays for good; ids of workspaces do not come back.
CREATE TABLE registry_ended_workspace (
    workspace_id TEXT    NOT NULL PRIMARY KEY CHECK (workspace_id <> ''),
    end_time     INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec')*1000000 AS INTEGER))
) STRICT;
