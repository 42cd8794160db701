-- +goose Up
-- What is to be published is never changed. The relay needs the right to, to lock
-- rows, and no more than that.
-- +goose StatementBegin
CREATE FUNCTION event.refuse_outbox_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'an event in the outbox is not changed, only published' USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd
CREATE TRIGGER outbox_no_update BEFORE UPDATE ON event.outbox
    FOR EACH ROW EXECUTE FUNCTION event.refuse_outbox_change();
CREATE TRIGGER outbox_no_truncate BEFORE TRUNCATE ON event.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION event.refuse_outbox_change();
