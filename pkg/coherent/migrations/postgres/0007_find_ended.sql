-- +goose Up
-- The service that ends tokens may write to the log, and not read it. What it asks
-- before it writes is no secret to a role that may use the schema, so that no grant
-- is needed.
-- +goose StatementBegin
CREATE FUNCTION coherence.find_ended(token bytea, family bytea, OUT ended boolean, OUT epoch bigint, OUT tokens bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM coherence.restriction_log WHERE kind = 1 AND key = token),
           -- Version 1 of a family is its end for good.
           coalesce((SELECT max(CASE version WHEN 1 THEN 9223372036854775807 ELSE version END)
                       FROM coherence.restriction_log
                      WHERE kind = 3 AND key = family), 0),
           (SELECT count(*)
              FROM coherence.restriction_log
             WHERE kind = 1 AND substring(value, 1, 16) = family AND family <> decode(repeat('00', 16), 'hex')
               AND keep_until > statement_timestamp())
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION coherence.find_ended IS
    'Whether an access token has ended; before which Unix time in seconds the tokens of its family have, the greatest number for all of them, 0 for none; and how many of the family have ended one by one.';
