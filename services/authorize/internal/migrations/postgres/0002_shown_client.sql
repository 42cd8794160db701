-- +goose Up
ALTER TABLE authorize.transaction ADD COLUMN shown_client bytea CHECK (octet_length(shown_client) = 32);
COMMENT ON COLUMN authorize.transaction.shown_client IS
    'Name and owner under which the consent page showed the client, as SHA-256. NULL while it was not shown.';
