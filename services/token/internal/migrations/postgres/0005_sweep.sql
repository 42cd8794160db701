-- +goose Up
COMMENT ON TABLE token.redemption IS
    'An authorization code that was redeemed, or burned by a request that broke a rule. Swept an hour after the code expired: until then a replay ends what the code gave.';
COMMENT ON TABLE token.family IS
    'The refresh tokens that descend from one code, updated in place. Goes when the family ends. Swept at its absolute expiry, also where its token has expired, its grant was revoked or its client was deleted before: until then a token that was replaced shows that it has leaked.';
COMMENT ON TABLE token.reuse IS
    'When a refresh token of a grant was last presented that had been replaced. Swept 90 days later.';
COMMENT ON TABLE token.resource_set IS
    'The shared resources of tokens that have too many to carry, by SHA-256. Never changes. Swept after keep_time, when no token can name it any more.';
COMMENT ON TABLE token.key IS
    'A sealing or signing key, encrypted by the key-encryption key. Goes when it is retired. Swept at expire_time, when nothing made with it can be alive.';
COMMENT ON TABLE token.retired_key IS
    'A key that was ended before its time. Its secret part is gone, so nothing brings it back. Swept when the key would have expired.';
