-- +goose Up
-- When a token was last minted for the grant, accurate to an hour. NULL while none
-- was.
ALTER TABLE consent_grant ADD COLUMN last_use_time INTEGER;

-- A name, owner and destination under which the subject has allowed the client
-- something, as SHA-256. A client that comes under another one is asked about
-- again. Stays with its grant.
CREATE TABLE consent_grant_identity (
    grant_id BLOB NOT NULL REFERENCES consent_grant (id),
    digest   BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (grant_id, digest)
) STRICT, WITHOUT ROWID;
