-- +goose Up

-- Every authentication method of the client, token_endpoint_auth_method first.
-- Empty, or begun by another one: that one alone.
ALTER TABLE registry_client ADD COLUMN token_endpoint_auth_methods_supported TEXT NOT NULL DEFAULT '[]'
    CHECK (json_type(token_endpoint_auth_methods_supported) = 'array');
