package jwks

import (
	"crypto/sha256"
	"encoding/base64"
)

// Alg is a signature algorithm of RFC 7518 §3.1.
type Alg string

// The algorithms that exist here. PS256 is for clients: we do not sign with it.
const (
	RS256 Alg = "RS256"
	ES256 Alg = "ES256"
	PS256 Alg = "PS256"
)

// Typ says what a JWT is, in its header, so that one kind does not pass as
// another (RFC 8725 §3.11).
type Typ string

// The kinds of JWT that we sign.
const (
	IDToken Typ = "JWT"
	// AccessToken is the typ of RFC 9068 §2.1.
	AccessToken Typ = "at+jwt"
	// LogoutToken is the typ of OIDC Back-Channel Logout §2.4.
	LogoutToken Typ = "logout+jwt" //nolint:gosec // a media type, not a credential
)

// AtHash returns the at_hash of an ID token that comes with accessToken
// (OIDC Core §3.1.3.6). Every [Alg] hashes with SHA-256, so it is the same for
// all of them.
func AtHash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
