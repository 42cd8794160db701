-- +goose Up
-- A binary of the release before leaves the column as it is.
ALTER TABLE registry.client ADD COLUMN refresh_window bigint CHECK (refresh_window >= 0);
