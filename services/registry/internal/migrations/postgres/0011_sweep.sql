-- +goose Up
COMMENT ON TABLE registry.client IS
    'One OAuth client. Goes when it is deleted; its id is random and never comes back. One that registered itself is swept if it was not used for 30 days after that. Lifetimes are whole seconds, 0 meaning the preset''s.';
COMMENT ON TABLE registry.used_assertion IS
    'A client assertion that was accepted, and must not be again (RFC 7523 §3). Swept after expire_time, when it could not be accepted anyway.';
COMMENT ON TABLE registry.initial_access_token IS
    'One token by which clients may register themselves (RFC 7591 §3), as its SHA-256. Goes when it is revoked. Swept after expire_time.';
COMMENT ON TABLE registry.deleted_client IS
    'The name of a client that was deleted, which is its owner''s for 30 days. Swept after expire_time. The digest is of the name without regard to case, width and style.';
COMMENT ON TABLE registry.logo IS
    'An uploaded logo by its SHA-256, as the registry has encoded it. Clients with the same logo share it. Swept when no client names it.';
