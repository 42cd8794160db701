-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE authorize.transaction
    ADD COLUMN IF NOT EXISTS address_block text COLLATE "C",
    ADD COLUMN IF NOT EXISTS hold smallint NOT NULL DEFAULT 0;
COMMENT ON COLUMN authorize.transaction.address_block IS
    'Where it was begun. NULL: by the release before this column, and in no count.';
COMMENT ON COLUMN authorize.transaction.hold IS
    'What keeps it from being pushed out by later ones: 0 nothing, 1 its browser has shown the sign-in page, 2 a person has acted on it.';
DROP INDEX CONCURRENTLY IF EXISTS authorize.transaction_address_block;
CREATE INDEX CONCURRENTLY transaction_address_block ON authorize.transaction (address_block, hold, expire_time);
