-- +goose Up
ALTER TABLE token.redemption ADD COLUMN replayed boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN token.redemption.replayed IS
    'The code came again, and what it gave has ended. It ends, and is recorded, once.';
