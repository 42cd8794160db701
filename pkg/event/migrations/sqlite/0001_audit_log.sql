-- +goose Up
-- One row: a change that has happened, written by the transaction that made it.
-- Rows are never changed. A row goes by its age, in a sweep.
CREATE TABLE event_audit_log (
    id         TEXT    PRIMARY KEY,
    event_time INTEGER NOT NULL, -- microseconds of the Unix epoch
    type       TEXT    NOT NULL CHECK (type <> ''),
    client_id  TEXT    NOT NULL,
    sub        TEXT    NOT NULL,
    event      BLOB    NOT NULL CHECK (length(event) <= 65536) -- chancery.event.v1.Event without id and event_time
) STRICT;
CREATE INDEX event_audit_log_event_time ON event_audit_log (event_time, id);
CREATE INDEX event_audit_log_type       ON event_audit_log (type, event_time, id);
CREATE INDEX event_audit_log_client     ON event_audit_log (client_id, event_time, id) WHERE client_id <> '';
CREATE INDEX event_audit_log_sub        ON event_audit_log (sub, event_time, id) WHERE sub <> '';

-- One row for ever: while a sweep runs, the instant before which rows may go;
-- otherwise zero.
CREATE TABLE event_audit_sweep (
    single INTEGER PRIMARY KEY DEFAULT 1 CHECK (single = 1),
    before INTEGER NOT NULL
) STRICT;
INSERT INTO event_audit_sweep (before) VALUES (0);

-- The log is append-only to mistakes as well.
-- +goose StatementBegin
CREATE TRIGGER event_audit_log_no_update BEFORE UPDATE ON event_audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER event_audit_log_no_delete BEFORE DELETE ON event_audit_log
WHEN OLD.event_time >= (SELECT before FROM event_audit_sweep)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd

-- One row: an event that is not published yet, written together with its row of
-- the audit log. It goes once JetStream has acknowledged it.
CREATE TABLE event_outbox (
    id          TEXT    PRIMARY KEY,
    event_time  INTEGER NOT NULL,
    type        TEXT    NOT NULL,
    event       BLOB    NOT NULL,
    traceparent TEXT    NOT NULL
) STRICT;
