-- +goose Up
CREATE TABLE directory.failure (
    source      bytea       PRIMARY KEY CHECK (octet_length(source) = 32),
    number      bigint      NOT NULL,
    expire_time timestamptz NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE directory.failure IS
    'How often sign-ins from one address block have failed within an hour. The first of them are in the audit log one by one. Swept once the hour is over, when the others become one record.';
COMMENT ON COLUMN directory.failure.source IS 'SHA-256 of the address block.';

CREATE INDEX failure_expire_time ON directory.failure (expire_time);
