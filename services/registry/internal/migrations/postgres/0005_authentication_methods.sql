-- +goose Up

ALTER TABLE registry.client
    ADD COLUMN token_endpoint_auth_methods_supported text[] NOT NULL DEFAULT '{}'
        CHECK (token_endpoint_auth_methods_supported <@ ARRAY['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none']);
COMMENT ON COLUMN registry.client.token_endpoint_auth_methods_supported IS 'Every authentication method of the client, token_endpoint_auth_method first. Empty, or begun by another one: that one alone.';
