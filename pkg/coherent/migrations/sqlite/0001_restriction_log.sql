-- +goose Up
-- One row: something that is no longer allowed, written by the transaction that
-- took it away. Rows are never changed. A row goes once keep_until has passed,
-- when no token it could concern is alive. There is one writer, so ids are in
-- the order of commits; AUTOINCREMENT keeps an id from being used again.
CREATE TABLE coherence_restriction_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       INTEGER NOT NULL,
    key        BLOB    NOT NULL CHECK (length(key) <= 1024),
    version    INTEGER NOT NULL,
    value      BLOB    CHECK (length(value) <= 8192),
    keep_until INTEGER NOT NULL -- microseconds of the Unix epoch
) STRICT;

-- One row for ever: the name of this database, and the epoch of the
-- installation. The epoch is raised after a restore from backup, and every
-- token sealed before is then dead.
CREATE TABLE coherence_restore_epoch (
    single INTEGER PRIMARY KEY DEFAULT 1 CHECK (single = 1),
    system TEXT    NOT NULL,
    epoch  INTEGER NOT NULL
) STRICT;
INSERT INTO coherence_restore_epoch (system, epoch) VALUES (lower(hex(randomblob(16))), 0);
