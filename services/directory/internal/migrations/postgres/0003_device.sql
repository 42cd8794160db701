-- +goose Up
CREATE TABLE directory.device (
    digest          bytea       PRIMARY KEY CHECK (length(digest) = 32),
    sub             text COLLATE "C" NOT NULL REFERENCES directory.subject,
    subject_version bigint      NOT NULL CHECK (subject_version > 0),
    expire_time     timestamptz NOT NULL
);
CREATE INDEX device_sub ON directory.device (sub);
CREATE INDEX device_expire_time ON directory.device (expire_time);
COMMENT ON TABLE directory.device IS
    'A browser on which a subject has signed in, by the SHA-256 of its handle. Of no use once the subject has another version, and gone with the next sign-in then; at most 20 of each subject. Swept after expire_time, half a year after the last sign-in.';

COMMENT ON TABLE directory.attempt IS
    'Sign-ins that did not succeed in a window, by the SHA-256 of what they are counted for: a known device, an account with an address block, an account, an address block, a network. One that succeeds is taken back. Swept after expire_time, a day after the first at most.';
