-- +goose Up

UPDATE registry.client
   SET token_endpoint_auth_methods_supported = '{}'
 WHERE token_endpoint_auth_methods_supported <> '{}' AND token_endpoint_auth_methods_supported[1] <> token_endpoint_auth_method;
COMMENT ON COLUMN registry.client.token_endpoint_auth_methods_supported IS 'Every authentication method of the client, token_endpoint_auth_method among them. Empty: that one alone.';

-- A binary of the release before changes the one method, and leaves the others as
-- they are: that ends them for good, and the secrets that it does not know of. Where
-- it ends those that it knows of, it writes that down itself.
-- +goose StatementBegin
CREATE FUNCTION registry.end_auth_methods() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.token_endpoint_auth_methods_supported := '{}';
    IF OLD.token_endpoint_auth_method IN ('private_key_jwt', 'none') AND NEW.token_endpoint_auth_method IN ('private_key_jwt', 'none') THEN
        DELETE FROM registry.client_secret WHERE client_id = NEW.client_id;
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER client_end_auth_methods BEFORE UPDATE OF token_endpoint_auth_method ON registry.client
    FOR EACH ROW
    WHEN (NEW.token_endpoint_auth_method <> OLD.token_endpoint_auth_method
          AND OLD.token_endpoint_auth_methods_supported <> '{}'
          AND NEW.token_endpoint_auth_methods_supported = OLD.token_endpoint_auth_methods_supported)
    EXECUTE FUNCTION registry.end_auth_methods();
