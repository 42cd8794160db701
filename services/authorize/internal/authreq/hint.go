package authreq

import (
	"context"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// checkHint finds out whom id_token_hint is about (OIDC Core §3.1.2.1). It must
// be an ID token of ours for this client; it may have expired. It logs nobody
// in: it only keeps another user from going on.
//
// It is the last check, because it is the only one that asks somebody.
func (c *Checker) checkHint(ctx context.Context, r *Checked, keys Keys) error {
	if r.IDTokenHint == "" {
		return nil
	}
	set, err := keys.IDTokenKeys(ctx)
	if err != nil {
		return fmt.Errorf("find keys of ID tokens: %w", err)
	}
	encoded, err := set.Verify(jwks.IDToken, r.IDTokenHint)
	if err != nil {
		return refuseHint(err)
	}
	claims, err := jwks.ParseAssertionClaims(encoded)
	if err != nil {
		return refuseHint(err)
	}
	if claims.Issuer != c.Issuer || claims.Audience != r.Client.ID || claims.Subject == "" {
		return refuseHint(errors.New("iss, aud or sub does not fit"))
	}
	r.HintSub = claims.Subject
	return nil
}

func refuseHint(cause error) error {
	return oauth.RefuseBecause(oauth.InvalidRequest, "id_token_hint must be an ID token that the client got from this issuer", cause)
}
