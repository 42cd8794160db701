-- +goose Up

CREATE TABLE directory.subject (
    sub         text COLLATE "C" PRIMARY KEY CHECK (sub <> ''),
    username    text COLLATE "C" NOT NULL CONSTRAINT subject_username UNIQUE CHECK (octet_length(username) BETWEEN 1 AND 256),
    disabled    boolean     NOT NULL DEFAULT false,
    version     bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    claims      text        NOT NULL CHECK (octet_length(claims) <= 16384),
    create_time timestamptz NOT NULL DEFAULT statement_timestamp()
);
CREATE INDEX subject_create_time ON directory.subject (create_time, sub);
COMMENT ON TABLE directory.subject IS 'One user. Stays when disabled: sub and username never name anybody else. Claims are a JSON object.';

CREATE TABLE directory.credential (
    sub           text COLLATE "C" PRIMARY KEY REFERENCES directory.subject,
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%')
);
COMMENT ON TABLE directory.credential IS 'The password of a subject, as an argon2id hash in PHC string format. Goes with its subject.';

CREATE TABLE directory.attempt (
    key         bytea       PRIMARY KEY CHECK (length(key) = 32),
    number      integer     NOT NULL CHECK (number > 0),
    expire_time timestamptz NOT NULL
);
CREATE INDEX attempt_expire_time ON directory.attempt (expire_time);
COMMENT ON TABLE directory.attempt IS 'Sign-ins that did not succeed, by the SHA-256 of account and address block. Goes with the first success from there, or is swept after expire_time.';

CREATE TABLE directory.workspace (
    workspace_id uuid        PRIMARY KEY,
    name         text COLLATE "C" NOT NULL CHECK (name <> ''),
    create_time  timestamptz NOT NULL DEFAULT statement_timestamp()
);
CREATE INDEX workspace_create_time ON directory.workspace (create_time, workspace_id);
COMMENT ON TABLE directory.workspace IS 'A place in which subjects have roles. Goes when it is deleted; its id is random and never comes back.';

CREATE TABLE directory.project (
    project_id   uuid        PRIMARY KEY,
    workspace_id uuid        NOT NULL CONSTRAINT project_workspace REFERENCES directory.workspace,
    name         text COLLATE "C" NOT NULL CHECK (name <> ''),
    version      bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    create_time  timestamptz NOT NULL DEFAULT statement_timestamp()
);
CREATE INDEX project_workspace ON directory.project (workspace_id, create_time, project_id);
COMMENT ON TABLE directory.project IS 'A project of a workspace. Goes when it or its workspace is deleted; its id is random and never comes back.';

CREATE TABLE directory.membership (
    sub           text COLLATE "C" NOT NULL REFERENCES directory.subject,
    workspace_id  uuid     NOT NULL REFERENCES directory.workspace,
    membership_id uuid     NOT NULL UNIQUE,
    role          smallint NOT NULL CHECK (role BETWEEN 0 AND 3),
    version       bigint   NOT NULL DEFAULT 1 CHECK (version > 0),
    PRIMARY KEY (sub, workspace_id)
);
CREATE INDEX membership_workspace ON directory.membership (workspace_id);
COMMENT ON TABLE directory.membership IS 'The role of a subject in a workspace. Role 0 is a former member, kept so that version never restarts. Goes with its workspace.';
