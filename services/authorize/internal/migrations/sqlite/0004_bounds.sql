-- +goose Up
-- Where it was begun. NULL: by the release before this column, and in no count.
ALTER TABLE authorize_transaction ADD COLUMN address_block TEXT;
-- What keeps it from being pushed out by later ones: 0 nothing, 1 its browser has
-- shown the sign-in page, 2 a person has acted on it.
ALTER TABLE authorize_transaction ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
CREATE INDEX authorize_transaction_address_block ON authorize_transaction (address_block, hold, expire_time);
