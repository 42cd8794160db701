-- +goose Up
-- How often sign-ins from one address block have failed within an hour. The first of
-- them are in the audit log one by one. Swept once the hour is over, when the others
-- become one record.
CREATE TABLE directory_failure (
    source      BLOB    PRIMARY KEY CHECK (length(source) = 32), -- SHA-256 of the address block
    number      INTEGER NOT NULL,
    expire_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX directory_failure_expire_time ON directory_failure (expire_time);
