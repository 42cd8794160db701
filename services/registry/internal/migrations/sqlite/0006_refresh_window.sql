-- +goose Up
ALTER TABLE registry_client ADD COLUMN refresh_window INTEGER CHECK (refresh_window >= 0);
