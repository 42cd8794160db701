-- +goose Up
-- How long rows stay that nobody ends: of authorize_session until expire_time, or
-- until it was not used for session_idle of the preset; of authorize_pushed_request
-- and authorize_transaction until expire_time. Then they are swept.
CREATE INDEX authorize_session_last_use_time ON authorize_session (last_use_time);
