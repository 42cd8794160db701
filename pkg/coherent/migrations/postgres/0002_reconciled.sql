-- +goose Up
ALTER TABLE coherence.restriction_log ADD COLUMN reconciled boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN coherence.restriction_log.reconciled IS
    'A replica knew the row after a failover that had lost it, and wrote it back. The operation that first wrote it was acknowledged, but its other effects may be gone.';
