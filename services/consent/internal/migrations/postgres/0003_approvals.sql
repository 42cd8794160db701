-- +goose Up
-- A binary of the release before goes on to read and write scope, grant_workspace,
-- grant_project and grant_identity. What it finds there is no more than was allowed
-- to everything that lives: the product that it makes of them must not be wider
-- than the approvals. When it writes, update_time leaves approve_time behind: then
-- its columns are read in place of the approvals, as cautiously as those of a grant
-- that has none yet. There is no CHECK here, which would read the whole table while
-- nobody can use it.
ALTER TABLE consent.grant
    ADD COLUMN allowed_scope   text COLLATE "C",
    ADD COLUMN former_identity bytea,
    ADD COLUMN approve_time    timestamptz;
COMMENT ON COLUMN consent.grant.scope IS
    'Space-separated. For the release before approvals: a dash alone means that it may use nothing, for good.';
COMMENT ON COLUMN consent.grant.version IS
    'Grows with what is allowed, and with each restriction: tokens sealed with a lesser one than that are dead.';
COMMENT ON COLUMN consent.grant.allowed_scope IS
    'Space-separated: everything that was ever allowed somewhere. Only grows.';
COMMENT ON COLUMN consent.grant.former_identity IS
    'As what the client came for families and codes of the release before approvals, which do not say it. All zero where that is not clear.';
COMMENT ON COLUMN consent.grant.approve_time IS
    'The update_time at which the approvals were written. Another one says that the release before has written since.';

CREATE TABLE consent.approval (
    grant_id      uuid    NOT NULL REFERENCES consent.grant (id),
    identity      bytea   NOT NULL CHECK (octet_length(identity) = 32),
    audience      text    COLLATE "C" NOT NULL,
    kind          text    COLLATE "C" NOT NULL CHECK (kind IN ('', 'workspace', 'project')),
    resource_id   uuid    NOT NULL,
    workspace_id  uuid    NOT NULL,
    membership_id uuid    NOT NULL,
    version       bigint  NOT NULL CHECK (version >= 0),
    by_policy     boolean NOT NULL,
    scope         text    COLLATE "C" NOT NULL CHECK (scope <> ''),
    PRIMARY KEY (grant_id, identity, audience, kind, resource_id, membership_id, version, by_policy)
);
COMMENT ON TABLE consent.approval IS
    'What a subject has allowed a client at one place, each value of scope by itself. Goes when the subject takes it back; that of a revoked grant stays as history.';
COMMENT ON COLUMN consent.approval.identity IS
    'As what the client came: its name, owner and destination, as SHA-256. All zero where that is not clear: then nothing new may begin with it.';
COMMENT ON COLUMN consent.approval.audience IS
    'A resource indicator; empty for a request without one.';
COMMENT ON COLUMN consent.approval.kind IS
    'Empty for a scope that selects no resource, with ids that are all zero.';
COMMENT ON COLUMN consent.approval.version IS
    'That of the grant when this was allowed: only for what began then or later. Zero: for whatever has begun.';
COMMENT ON COLUMN consent.approval.by_policy IS
    'Nobody was asked. Ends when the client is no more the platform''s own.';
