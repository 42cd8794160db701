-- +goose Up

-- One user. Stays when disabled: sub and username never name anybody else.
-- Claims are a JSON object.
CREATE TABLE directory_subject (
    sub         TEXT    NOT NULL PRIMARY KEY CHECK (sub <> ''),
    username    TEXT    NOT NULL UNIQUE CHECK (length(CAST(username AS BLOB)) BETWEEN 1 AND 256),
    disabled    INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    version     INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
    claims      TEXT    NOT NULL CHECK (length(CAST(claims AS BLOB)) <= 16384),
    create_time INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec')*1000000 AS INTEGER))
) STRICT;
CREATE INDEX directory_subject_create_time ON directory_subject (create_time, sub);

-- The password of a subject, as an argon2id hash in PHC string format. Goes
-- with its subject.
CREATE TABLE directory_credential (
    sub           TEXT NOT NULL PRIMARY KEY REFERENCES directory_subject,
    password_hash TEXT NOT NULL CHECK (password_hash LIKE '$argon2id$%')
) STRICT, WITHOUT ROWID;

-- Sign-ins that did not succeed, by the SHA-256 of account and address block.
-- Goes with the first success from there, or is swept after expire_time.
CREATE TABLE directory_attempt (
    key         BLOB    NOT NULL PRIMARY KEY CHECK (length(key) = 32),
    number      INTEGER NOT NULL CHECK (number > 0),
    expire_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_attempt_expire_time ON directory_attempt (expire_time);

-- A place in which subjects have roles. Goes when it is deleted; its id is
-- random and never comes back.
CREATE TABLE directory_workspace (
    workspace_id TEXT    NOT NULL PRIMARY KEY CHECK (length(workspace_id) = 36),
    name         TEXT    NOT NULL CHECK (name <> ''),
    create_time  INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec')*1000000 AS INTEGER))
) STRICT;
CREATE INDEX directory_workspace_create_time ON directory_workspace (create_time, workspace_id);

-- A project of a workspace. Goes when it or its workspace is deleted; its id is
-- random and never comes back.
CREATE TABLE directory_project (
    project_id   TEXT    NOT NULL PRIMARY KEY CHECK (length(project_id) = 36),
    workspace_id TEXT    NOT NULL REFERENCES directory_workspace,
    name         TEXT    NOT NULL CHECK (name <> ''),
    version      INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
    create_time  INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec')*1000000 AS INTEGER))
) STRICT;
CREATE INDEX directory_project_workspace ON directory_project (workspace_id, create_time, project_id);

-- The role of a subject in a workspace. Role 0 is a former member, kept so that
-- version never restarts. Goes with its workspace.
CREATE TABLE directory_membership (
    sub           TEXT    NOT NULL REFERENCES directory_subject,
    workspace_id  TEXT    NOT NULL REFERENCES directory_workspace,
    membership_id TEXT    NOT NULL UNIQUE CHECK (length(membership_id) = 36),
    role          INTEGER NOT NULL CHECK (role BETWEEN 0 AND 3),
    version       INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
    PRIMARY KEY (sub, workspace_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_membership_workspace ON directory_membership (workspace_id);
