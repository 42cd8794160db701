-- +goose Up
-- A grant is swept 90 days after it was revoked, with all that refers to it. One
-- that was not revoked stays, that of a deleted client or subject too.
CREATE INDEX consent_grant_revoke_time ON consent_grant (revoke_time) WHERE revoke_time IS NOT NULL;
