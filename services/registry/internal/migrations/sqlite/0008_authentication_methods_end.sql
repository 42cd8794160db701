-- +goose Up

UPDATE registry_client
   SET token_endpoint_auth_methods_supported = '[]'
 WHERE token_endpoint_auth_methods_supported <> '[]' AND token_endpoint_auth_methods_supported ->> 0 <> token_endpoint_auth_method;

-- A binary of the release before changes the one method, and leaves the others as
-- they are: that ends them for good, and the secrets that it does not know of. Where
-- it ends those that it knows of, it writes that down itself.
-- +goose StatementBegin
CREATE TRIGGER registry_client_end_auth_methods AFTER UPDATE OF token_endpoint_auth_method ON registry_client
WHEN NEW.token_endpoint_auth_method <> OLD.token_endpoint_auth_method
 AND OLD.token_endpoint_auth_methods_supported <> '[]'
 AND NEW.token_endpoint_auth_methods_supported = OLD.token_endpoint_auth_methods_supported
BEGIN
    UPDATE registry_client SET token_endpoint_auth_methods_supported = '[]' WHERE client_id = NEW.client_id;
    DELETE FROM registry_client_secret
     WHERE client_id = NEW.client_id
       AND OLD.token_endpoint_auth_method IN ('private_key_jwt', 'none')
       AND NEW.token_endpoint_auth_method IN ('private_key_jwt', 'none');
END;
-- +goose StatementEnd
