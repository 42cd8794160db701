-- +goose Up
CREATE TABLE authorize.session (
    id              uuid        PRIMARY KEY,
    digest          bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    sub             text        COLLATE "C" NOT NULL CHECK (sub <> ''),
    subject_version bigint      NOT NULL,
    user_agent      text        NOT NULL,
    address_block   text        NOT NULL,
    auth_time       timestamptz NOT NULL,
    last_use_time   timestamptz NOT NULL,
    expire_time     timestamptz NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE authorize.session IS
    'A user who is signed in, in one browser. Goes when the user signs in again, when it is ended, when it was not used for long, or at expire_time.';
COMMENT ON COLUMN authorize.session.digest IS 'SHA-256 of the cookie.';
COMMENT ON COLUMN authorize.session.subject_version IS 'Of the subject at sign-in: a greater one ends the session.';
COMMENT ON COLUMN authorize.session.last_use_time IS 'Accurate to a minute.';

-- last_use_time is in no index, so that noting it stays on the page of the row.
CREATE INDEX session_sub ON authorize.session (sub, auth_time);
CREATE INDEX session_expire_time ON authorize.session (expire_time);

CREATE TABLE authorize.pushed_request (
    digest      bytea       PRIMARY KEY CHECK (octet_length(digest) = 32),
    client_id   text        COLLATE "C" NOT NULL,
    request     json        NOT NULL,
    expire_time timestamptz NOT NULL
);
COMMENT ON TABLE authorize.pushed_request IS
    'A pushed authorization request (RFC 9126), by the SHA-256 of its request_uri. Goes when the authorization starts to wait for a user, when its code is issued, or after expire_time.';

CREATE INDEX pushed_request_client ON authorize.pushed_request (client_id, expire_time);
CREATE INDEX pushed_request_expire_time ON authorize.pushed_request (expire_time);

CREATE TABLE authorize.transaction (
    id          text        COLLATE "C" PRIMARY KEY,
    binding     bytea       NOT NULL CHECK (octet_length(binding) = 32),
    pushed      bytea       UNIQUE CHECK (octet_length(pushed) = 32),
    request     json        NOT NULL,
    signed_in   uuid,
    chosen      uuid,
    left_behind uuid,
    offered     uuid,
    shown       uuid,
    expire_time timestamptz NOT NULL
);
COMMENT ON TABLE authorize.transaction IS
    'An authorization that waits for its user. Its deletion is the gate through which exactly one answer goes to the client; otherwise it goes after expire_time.';
COMMENT ON COLUMN authorize.transaction.binding IS 'SHA-256 of the cookie of the browser that started it.';
COMMENT ON COLUMN authorize.transaction.pushed IS 'Of the pushed request that it came from.';
COMMENT ON COLUMN authorize.transaction.signed_in IS 'The session that was made by a sign-in during it.';
COMMENT ON COLUMN authorize.transaction.chosen IS 'The session whose account the user chose.';
COMMENT ON COLUMN authorize.transaction.left_behind IS 'The session whose account the user did not want.';
COMMENT ON COLUMN authorize.transaction.offered IS 'The session whose account was last offered to go on with.';
COMMENT ON COLUMN authorize.transaction.shown IS 'The session for which the consent page was last shown.';

CREATE INDEX transaction_expire_time ON authorize.transaction (expire_time);
