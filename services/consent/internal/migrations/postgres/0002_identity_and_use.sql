-- +goose Up
ALTER TABLE consent.grant ADD COLUMN last_use_time timestamptz;
COMMENT ON COLUMN consent.grant.last_use_time IS
    'When a token was last minted for it, accurate to an hour. NULL while none was.';

CREATE TABLE consent.grant_identity (
    grant_id uuid  NOT NULL REFERENCES consent.grant (id),
    digest   bytea NOT NULL CHECK (octet_length(digest) = 32),
    PRIMARY KEY (grant_id, digest)
);
COMMENT ON TABLE consent.grant_identity IS
    'A name, owner and destination under which the subject has allowed the client something, as SHA-256. A client that comes under another one is asked about again. Stays with its grant.';
