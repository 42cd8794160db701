-- +goose NO TRANSACTION
-- +goose Up
-- Noting the last use now moves the row to another place, which is rare enough: a
-- browser that signs in to an app does it, once a minute at most.
DROP INDEX CONCURRENTLY IF EXISTS authorize.session_last_use_time;
CREATE INDEX CONCURRENTLY session_last_use_time ON authorize.session (last_use_time);

COMMENT ON TABLE authorize.session IS
    'A user who is signed in, in one browser. Goes when the user signs in again, or when it is ended. Swept at expire_time, or once it was not used for session_idle of the preset.';
COMMENT ON TABLE authorize.pushed_request IS
    'A pushed authorization request (RFC 9126), by the SHA-256 of its request_uri. Goes when the authorization starts to wait for a user, or when its code is issued. Swept after expire_time.';
COMMENT ON TABLE authorize.transaction IS
    'An authorization that waits for its user. Its deletion is the gate through which exactly one answer goes to the client. Swept after expire_time.';
