-- +goose Up
-- 1: the code came again, and what it gave has ended. It ends, and is recorded, once.
ALTER TABLE token_redemption ADD COLUMN replayed INTEGER NOT NULL DEFAULT 0 CHECK (replayed IN (0, 1));
