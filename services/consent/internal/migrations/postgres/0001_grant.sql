-- +goose Up
CREATE TABLE consent.grant (
    id            uuid        PRIMARY KEY,
    client_id     text        COLLATE "C" NOT NULL CHECK (client_id <> ''),
    sub           text        COLLATE "C" NOT NULL CHECK (sub <> ''),
    scope         text        COLLATE "C" NOT NULL CHECK (scope <> ''),
    version       bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    create_time   timestamptz NOT NULL DEFAULT statement_timestamp(),
    update_time   timestamptz NOT NULL DEFAULT statement_timestamp(),
    revoke_time   timestamptz,
    revoke_reason text        COLLATE "C" CHECK (revoke_reason IN ('unspecified', 'reuse', 'withdrawn', 'admin')),
    CHECK ((revoke_time IS NULL) = (revoke_reason IS NULL))
);
COMMENT ON TABLE consent.grant IS
    'What one subject has allowed one client. Revoked, it stays as history and never lives again: a later consent makes another one.';
COMMENT ON COLUMN consent.grant.scope IS 'Space-separated. Only grows.';
COMMENT ON COLUMN consent.grant.version IS 'Grows with each restriction: tokens sealed with a lesser one are dead.';

CREATE UNIQUE INDEX grant_live ON consent.grant (sub, client_id) WHERE revoke_time IS NULL;
CREATE INDEX grant_client ON consent.grant (client_id, create_time, id) WHERE revoke_time IS NULL;
CREATE INDEX grant_create_time ON consent.grant (create_time, id) WHERE revoke_time IS NULL;

CREATE TABLE consent.grant_workspace (
    grant_id      uuid NOT NULL REFERENCES consent.grant (id),
    workspace_id  uuid NOT NULL,
    membership_id uuid NOT NULL,
    PRIMARY KEY (grant_id, workspace_id)
);
COMMENT ON TABLE consent.grant_workspace IS
    'A workspace that a grant shares, under the one membership in which the subject shared it. Goes when the subject selects others. No row means no workspace, never all.';

CREATE TABLE consent.grant_project (
    grant_id      uuid NOT NULL REFERENCES consent.grant (id),
    project_id    uuid NOT NULL,
    workspace_id  uuid NOT NULL,
    membership_id uuid NOT NULL,
    PRIMARY KEY (grant_id, project_id)
);
COMMENT ON TABLE consent.grant_project IS
    'A project that a grant shares, under the subject''s membership in its workspace. Goes when the subject selects others. No row means no project, never all.';
