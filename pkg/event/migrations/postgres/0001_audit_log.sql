-- +goose Up
CREATE TABLE event.audit_log (
    id         uuid        PRIMARY KEY,
    event_time timestamptz NOT NULL,
    type       text        COLLATE "C" NOT NULL CHECK (type <> ''),
    client_id  text        COLLATE "C" NOT NULL,
    sub        text        COLLATE "C" NOT NULL,
    event      bytea       NOT NULL CHECK (octet_length(event) <= 65536)
);
CREATE INDEX audit_log_event_time ON event.audit_log (event_time, id);
CREATE INDEX audit_log_type       ON event.audit_log (type, event_time, id);
CREATE INDEX audit_log_client     ON event.audit_log (client_id, event_time, id) WHERE client_id <> '';
CREATE INDEX audit_log_sub        ON event.audit_log (sub, event_time, id) WHERE sub <> '';

COMMENT ON TABLE event.audit_log IS
    'One row: a change that has happened, written by the transaction that made it. Rows are never changed. A row goes by its age, in a sweep.';
COMMENT ON COLUMN event.audit_log.event IS
    'A chancery.event.v1.Event without id and event_time, in the wire form of Protocol Buffers.';

-- The log is append-only to mistakes as well. A row goes only in a transaction
-- that says in chancery.audit_keep how long rows are kept, and only when it is
-- older than that. Who must not write at all has no privilege to.
-- +goose StatementBegin
CREATE FUNCTION event.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    keep interval := nullif(current_setting('chancery.audit_keep', true), '')::interval;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.event_time < statement_timestamp() - keep THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON event.audit_log
    FOR EACH ROW EXECUTE FUNCTION event.refuse_change();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON event.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION event.refuse_change();

CREATE TABLE event.outbox (
    id          uuid        PRIMARY KEY,
    event_time  timestamptz NOT NULL,
    type        text        COLLATE "C" NOT NULL,
    event       bytea       NOT NULL,
    traceparent text        NOT NULL
);

COMMENT ON TABLE event.outbox IS
    'One row: an event that is not published yet, written together with its row of the audit log. It goes once JetStream has acknowledged it. Ids are in the order of time only roughly, and nothing depends on it.';
