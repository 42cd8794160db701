-- +goose Up
-- A browser on which a subject has signed in, by the SHA-256 of its handle. Of no
-- use once the subject has another version, and gone with the next sign-in then; at
-- most 20 of each subject. Swept after expire_time, half a year after the last
-- sign-in.
CREATE TABLE directory_device (
    digest          BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    sub             TEXT    NOT NULL REFERENCES directory_subject,
    subject_version INTEGER NOT NULL CHECK (subject_version > 0),
    expire_time     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_device_sub ON directory_device (sub);
CREATE INDEX directory_device_expire_time ON directory_device (expire_time);
