-- +goose Up

CREATE TABLE registry.deleted_client (
    client_id    text COLLATE "C" PRIMARY KEY,
    workspace_id text COLLATE "C" NOT NULL,
    name_digest  bytea       NOT NULL CHECK (length(name_digest) = 32),
    delete_time  timestamptz NOT NULL DEFAULT statement_timestamp()
);
CREATE INDEX deleted_client_name ON registry.deleted_client (name_digest, delete_time);
COMMENT ON TABLE registry.deleted_client IS 'A client that was deleted, unless it had registered itself. Stays for good: its id is nobody else''s ever, and its name for a while its owner''s. The digest is of the name without regard to case, width and style.';

CREATE TABLE registry.ended_workspace (
    workspace_id text COLLATE "C" PRIMARY KEY CHECK (workspace_id <> ''),
    end_time     timestamptz NOT NULL DEFAULT statement_timestamp()
);
COMMENT ON TABLE registry.ended_workspace IS 'A workspace that is being deleted, or was: no client is made for it any more. Stays for good; ids of workspaces do not come back.';
