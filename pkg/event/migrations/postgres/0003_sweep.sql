-- +goose Up
COMMENT ON TABLE event.audit_log IS
    'One row: a change that has happened, written by the transaction that made it. Rows are never changed. Stays until "chancery audit purge", which deletes what is older than it is told; no service does.';
COMMENT ON TABLE event.outbox IS
    'One row: an event that is not published yet, written together with its row of the audit log. Goes once JetStream has acknowledged it, and stays for as long as that takes. Ids are in the order of time only roughly, and nothing depends on it.';
