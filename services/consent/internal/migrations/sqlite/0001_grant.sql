-- +goose Up
-- What one subject has allowed one client. Revoked, it stays as history and never
-- lives again: a later consent makes another one. scope is space-separated and
-- only grows; version grows with each restriction.
CREATE TABLE consent_grant (
    id            BLOB    PRIMARY KEY CHECK (length(id) = 16),
    client_id     TEXT    NOT NULL CHECK (client_id <> ''),
    sub           TEXT    NOT NULL CHECK (sub <> ''),
    scope         TEXT    NOT NULL CHECK (scope <> ''),
    version       INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
    create_time   INTEGER NOT NULL,
    update_time   INTEGER NOT NULL,
    revoke_time   INTEGER,
    revoke_reason TEXT    CHECK (revoke_reason IN ('unspecified', 'reuse', 'withdrawn', 'admin')),
    CHECK ((revoke_time IS NULL) = (revoke_reason IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX consent_grant_live ON consent_grant (sub, client_id) WHERE revoke_time IS NULL;
CREATE INDEX consent_grant_create_time ON consent_grant (create_time, id) WHERE revoke_time IS NULL;

-- A workspace that a grant shares, under the one membership in which the subject
-- shared it. Goes when the subject selects others. No row means no workspace,
-- never all.
CREATE TABLE consent_grant_workspace (
    grant_id      BLOB NOT NULL REFERENCES consent_grant (id),
    workspace_id  BLOB NOT NULL CHECK (length(workspace_id) = 16),
    membership_id BLOB NOT NULL CHECK (length(membership_id) = 16),
    PRIMARY KEY (grant_id, workspace_id)
) STRICT, WITHOUT ROWID;

-- A project that a grant shares, under the subject's membership in its workspace.
-- Goes when the subject selects others. No row means no project, never all.
CREATE TABLE consent_grant_project (
    grant_id      BLOB NOT NULL REFERENCES consent_grant (id),
    project_id    BLOB NOT NULL CHECK (length(project_id) = 16),
    workspace_id  BLOB NOT NULL CHECK (length(workspace_id) = 16),
    membership_id BLOB NOT NULL CHECK (length(membership_id) = 16),
    PRIMARY KEY (grant_id, project_id)
) STRICT, WITHOUT ROWID;
