package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// The lengths of RFC 7636 §4.1 and §4.2, in characters.
const (
	minVerifierLength = 43
	maxVerifierLength = 128
	challengeLength   = 43
)

// CheckChallenge checks the code_challenge and code_challenge_method of an
// authorization request. Whether a client may leave both out is for the caller.
//
// Only S256 exists here (RFC 9700 §2.1.1); a challenge without a method would
// be plain (RFC 7636 §4.3). Fails with invalid_request.
func CheckChallenge(challenge, method string) error {
	switch {
	case challenge == "":
		return Refuse(InvalidRequest, "code_challenge is required")
	case method != "S256":
		return Refuse(InvalidRequest, "code_challenge_method must be S256")
	case !isDigest(challenge):
		return Refuse(InvalidRequest, "code_challenge must be a SHA-256 digest in base64url without padding")
	}
	return nil
}

// isDigest reports whether s is the one spelling of some SHA-256 digest that
// RFC 7636 §4.2 can produce. The decoder skips line breaks and is kept from
// that by the length: all 43 characters are needed for 32 bytes.
func isDigest(s string) bool {
	digest, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(s) == challengeLength && len(digest) == sha256.Size
}

// VerifyPKCE checks the code_verifier of a token request against the
// code_challenge of the authorization request that the code came from.
//
// Only S256 exists here: plain is refused when the challenge is made
// (RFC 9700 §2.1.1). Fails with invalid_grant.
func VerifyPKCE(verifier, challenge string) error {
	// A verifier of any length could be guessed a character at a time.
	if !validVerifier(verifier) {
		return Refuse(InvalidGrant, "code_verifier must be 43 to 128 unreserved characters")
	}
	// RFC 7636 §4.6. An empty challenge, as left by an attacker who stripped it
	// from the authorization request, matches nothing (RFC 9700 §4.8).
	sum := sha256.Sum256([]byte(verifier))
	derived := base64.RawURLEncoding.EncodeToString(sum[:])
	if subtle.ConstantTimeCompare([]byte(derived), []byte(challenge)) != 1 {
		return Refuse(InvalidGrant, "code_verifier does not match code_challenge")
	}
	return nil
}

// validVerifier is the syntax of RFC 7636 §4.1.
func validVerifier(s string) bool {
	return minVerifierLength <= len(s) && len(s) <= maxVerifierLength && all(s, isUnreserved)
}
