-- +goose Up
-- A binary of the release before starts families without these columns. Such a
-- family gets what was allowed from the beginning of its grant. There is no CHECK,
-- which would read the whole table while nobody can use it.
ALTER TABLE token.family
    ADD COLUMN client_identity bytea,
    ADD COLUMN grant_version   bigint NOT NULL DEFAULT 0,
    ADD COLUMN workspace_id    uuid;
COMMENT ON COLUMN token.family.client_identity IS
    'As what the client came when the family began, 32 bytes. NULL where the release before has not noted it.';
COMMENT ON COLUMN token.family.grant_version IS
    'Of the grant when the family began: what was allowed later is not for it.';
COMMENT ON COLUMN token.family.workspace_id IS
    'The workspace that was chosen then, where exactly one is to be chosen. Else NULL.';
