-- +goose Up
-- 1: a replica knew the row when the database had lost it, and wrote it back.
ALTER TABLE coherence_restriction_log ADD COLUMN reconciled INTEGER NOT NULL DEFAULT 0 CHECK (reconciled IN (0, 1));
