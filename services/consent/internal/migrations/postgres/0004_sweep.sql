-- +goose NO TRANSACTION
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS consent.grant_revoke_time;
CREATE INDEX CONCURRENTLY grant_revoke_time ON consent.grant (revoke_time) WHERE revoke_time IS NOT NULL;

COMMENT ON TABLE consent.grant IS
    'What one subject has allowed one client. Revoked, it never lives again: a later consent makes another one. Swept 90 days after it was revoked. Stays until then, that of a deleted client or subject too.';
COMMENT ON TABLE consent.grant_workspace IS
    'A workspace that a grant shares, under the one membership in which the subject shared it. Goes when the subject selects others, and with its grant. No row means no workspace, never all.';
COMMENT ON TABLE consent.grant_project IS
    'A project that a grant shares, under the subject''s membership in its workspace. Goes when the subject selects others, and with its grant. No row means no project, never all.';
COMMENT ON TABLE consent.grant_identity IS
    'A name, owner and destination under which the subject has allowed the client something, as SHA-256. A client that comes under another one is asked about again. Goes with its grant.';
COMMENT ON TABLE consent.approval IS
    'What a subject has allowed a client at one place, each value of scope by itself. Goes when the subject takes it back, and with its grant.';
