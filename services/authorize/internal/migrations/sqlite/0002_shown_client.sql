-- +goose Up
-- The name and owner under which the consent page showed the client, as SHA-256.
-- NULL while it was not shown.
ALTER TABLE authorize_transaction ADD COLUMN shown_client BLOB CHECK (length(shown_client) = 32);
