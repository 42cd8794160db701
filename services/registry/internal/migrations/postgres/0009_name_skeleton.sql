-- +goose Up

-- NULL where it is not known yet: the registry fills it in.
ALTER TABLE registry.client ADD COLUMN name_skeleton bytea CHECK (length(name_skeleton) = 32);
COMMENT ON COLUMN registry.client.name_skeleton IS 'Digest of the skeleton of client_name (UTS 39), which is that of all names that look the same. NULL: not known yet.';

-- A binary of the release before changes the name, and leaves its skeleton as it is.
-- +goose StatementBegin
CREATE FUNCTION registry.end_name_skeleton() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.name_skeleton := NULL;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER client_end_name_skeleton BEFORE UPDATE OF client_name ON registry.client
    FOR EACH ROW
    WHEN (NEW.client_name <> OLD.client_name AND NEW.name_skeleton = OLD.name_skeleton)
    EXECUTE FUNCTION registry.end_name_skeleton();
