-- +goose Up
-- A user who is signed in, in one browser, by the SHA-256 of the cookie. Goes
-- when the user signs in again, when it is ended, when it was not used for long,
-- or at expire_time. A greater version of the subject ends it too.
CREATE TABLE authorize_session (
    id              BLOB    PRIMARY KEY CHECK (length(id) = 16),
    digest          BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    sub             TEXT    NOT NULL CHECK (sub <> ''),
    subject_version INTEGER NOT NULL,
    user_agent      TEXT    NOT NULL,
    address_block   TEXT    NOT NULL,
    auth_time       INTEGER NOT NULL,
    last_use_time   INTEGER NOT NULL, -- accurate to a minute
    expire_time     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX authorize_session_sub ON authorize_session (sub, auth_time);
CREATE INDEX authorize_session_expire_time ON authorize_session (expire_time);

-- A pushed authorization request (RFC 9126), by the SHA-256 of its request_uri.
-- Goes when the authorization starts to wait for a user, when its code is issued,
-- or after expire_time.
CREATE TABLE authorize_pushed_request (
    digest      BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    client_id   TEXT    NOT NULL,
    request     TEXT    NOT NULL, -- JSON
    expire_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX authorize_pushed_request_client ON authorize_pushed_request (client_id, expire_time);
CREATE INDEX authorize_pushed_request_expire_time ON authorize_pushed_request (expire_time);

-- An authorization that waits for its user. Its deletion is the gate through
-- which exactly one answer goes to the client; otherwise it goes after
-- expire_time.
CREATE TABLE authorize_transaction (
    id          TEXT    PRIMARY KEY,
    binding     BLOB    NOT NULL CHECK (length(binding) = 32), -- SHA-256 of the cookie
    pushed      BLOB    UNIQUE CHECK (length(pushed) = 32),    -- the pushed request it came from
    request     TEXT    NOT NULL,                              -- JSON
    signed_in   BLOB, -- the session that was made by a sign-in during it
    chosen      BLOB, -- the session whose account the user chose
    left_behind BLOB, -- the session whose account the user did not want
    offered     BLOB, -- the session whose account was last offered to go on with
    shown       BLOB, -- the session for which the consent page was last shown
    expire_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX authorize_transaction_expire_time ON authorize_transaction (expire_time);
