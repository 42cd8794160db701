-- +goose Up
CREATE TABLE coherence.restriction_log (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid        xid8        NOT NULL DEFAULT pg_current_xact_id(),
    kind       smallint    NOT NULL,
    key        bytea       NOT NULL CHECK (octet_length(key) <= 1024),
    version    bigint      NOT NULL,
    value      bytea       CHECK (octet_length(value) <= 8192),
    keep_until timestamptz NOT NULL
);
CREATE INDEX restriction_log_xid ON coherence.restriction_log (xid);

COMMENT ON TABLE coherence.restriction_log IS
    'One row: something that is no longer allowed, written by the transaction that took it away. Rows are never changed. A row goes once keep_until has passed, when no token it could concern is alive.';
COMMENT ON COLUMN coherence.restriction_log.id IS
    'A name, never a cursor: numbers are drawn in another order than transactions commit.';
COMMENT ON COLUMN coherence.restriction_log.xid IS
    'The top-level transaction that wrote the row. Readers compare it with the snapshot of their last read.';

-- Every poll updates a row here, so the pages keep room for the next version.
CREATE TABLE coherence.poll_fence (
    replica   text        COLLATE "C" PRIMARY KEY,
    n         bigint      NOT NULL,
    poll_time timestamptz NOT NULL
) WITH (fillfactor = 20);

COMMENT ON TABLE coherence.poll_fence IS
    'One row per replica, written by each of its polls. The commit of that write proves that the server which answered was still the one that acknowledges. A row goes a day after the last poll.';

CREATE TABLE coherence.restore_epoch (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    epoch  bigint  NOT NULL
);
INSERT INTO coherence.restore_epoch (epoch) VALUES (0);

COMMENT ON TABLE coherence.restore_epoch IS
    'One row for ever: the epoch of the installation. It is raised after a restore from backup, and every token sealed before is then dead.';
