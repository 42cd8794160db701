package issue

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/jwks"
)

// idToken makes the ID token that comes with an access token (OIDC Core §2,
// §3.1.3.6). Instants are in Unix seconds.
func (i *Issuer) idToken(c client.Client, t credential.AccessToken, s Subject, accessToken string) (string, error) {
	claims := i.about(s, t)
	claims["iss"], claims["sub"], claims["aud"] = i.URL, t.Sub, c.ID
	claims["exp"], claims["iat"] = t.IssueTime.Add(i.IDTokenLifetime).Unix(), t.IssueTime.Unix()
	claims["auth_time"], claims["at_hash"] = s.SignIn.AuthTime.Unix(), jwks.AtHash(accessToken)
	if s.SignIn.Nonce != "" {
		claims["nonce"] = s.SignIn.Nonce
	}
	token, err := i.Keys.Sign(cmp.Or(c.IDTokenAlg, jwks.RS256), jwks.IDToken, claims)
	if err != nil {
		return "", fmt.Errorf("sign id token: %w", err)
	}
	return token, nil
}

// about returns what the scope of the token opens of what the directory says of
// the subject (OIDC Core §5.4).
func (i *Issuer) about(s Subject, t credential.AccessToken) map[string]any {
	claims := make(map[string]any)
	for _, name := range i.Claims.Claims(t.Scope) {
		if value, ok := s.Standing.Subject.Claims[name]; ok && !slices.Contains(ofTheToken(), name) {
			claims[name] = value
		}
	}
	return claims
}

// ofTheToken are the claims of an ID token that speak of it, of the sign-in or of
// the client. No directory has a say in them, also where the token has none
// (RFC 7519 §4.1, OIDC Core §2, §3.3.2.11, OIDC Back-Channel Logout §2.4).
func ofTheToken() []string {
	return []string{
		"iss", "sub", "aud", "exp", "nbf", "iat", "jti",
		"auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "sid", "events",
	}
}
