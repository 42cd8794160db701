-- +goose Up
-- scope and the three tables beside it are for the release before approvals: what
-- it may read is no more than was allowed to everything that lives. When it writes,
-- update_time leaves approve_time behind, and its columns are read in place of the
-- approvals. allowed_scope is everything that was ever allowed somewhere;
-- former_identity is as what the client came for families and codes of that
-- release, which do not say it.
ALTER TABLE consent_grant ADD COLUMN allowed_scope TEXT;
ALTER TABLE consent_grant ADD COLUMN former_identity BLOB CHECK (length(former_identity) = 32);
ALTER TABLE consent_grant ADD COLUMN approve_time INTEGER;

-- What a subject has allowed a client at one place, each value of scope by itself.
-- Goes when the subject takes it back; that of a revoked grant stays as history.
-- identity is as what the client came, all zero where that is not clear; audience
-- a resource indicator, or empty; kind is empty for a scope that selects no
-- resource, with ids that are all zero. version is that of the grant when this was
-- allowed, or zero for whatever has begun; by_policy says that nobody was asked.
CREATE TABLE consent_approval (
    grant_id      BLOB    NOT NULL REFERENCES consent_grant (id),
    identity      BLOB    NOT NULL CHECK (length(identity) = 32),
    audience      TEXT    NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('', 'workspace', 'project')),
    resource_id   BLOB    NOT NULL CHECK (length(resource_id) = 16),
    workspace_id  BLOB    NOT NULL CHECK (length(workspace_id) = 16),
    membership_id BLOB    NOT NULL CHECK (length(membership_id) = 16),
    version       INTEGER NOT NULL CHECK (version >= 0),
    by_policy     INTEGER NOT NULL CHECK (by_policy IN (0, 1)),
    scope         TEXT    NOT NULL CHECK (scope <> ''),
    PRIMARY KEY (grant_id, identity, audience, kind, resource_id, membership_id, version, by_policy)
) STRICT, WITHOUT ROWID;
