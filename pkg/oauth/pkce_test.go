package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// RFC 7636 Appendix B.
const (
	specVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	specChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestN031_ChallengeIsRequired(t *testing.T) {
	wantCode(t, oauth.CheckChallenge(specChallenge, "S256"), "")
	wantCode(t, oauth.CheckChallenge("", "S256"), oauth.InvalidRequest)
	wantCode(t, oauth.CheckChallenge("", ""), oauth.InvalidRequest)
}

func TestN032_MethodIsS256(t *testing.T) {
	wantCode(t, oauth.CheckChallenge(specChallenge, "S256"), "")
	for _, method := range []string{"", "plain", "s256", "S512", "S256 ", "S256,plain"} {
		t.Run(method, func(t *testing.T) {
			wantCode(t, oauth.CheckChallenge(specChallenge, method), oauth.InvalidRequest)
		})
	}
}

func TestN033_ChallengeIsADigest(t *testing.T) {
	tests := []struct {
		name      string
		challenge string
		want      oauth.ErrorCode
	}{
		{"example of the RFC", specChallenge, ""},
		{"every bit set", strings.Repeat("_", 42) + "8", ""},
		{"last character not canonical", strings.Repeat("_", 42) + "9", oauth.InvalidRequest},
		{"42 characters", strings.Repeat("A", 42), oauth.InvalidRequest},
		{"43 characters", strings.Repeat("A", 43), ""},
		{"44 characters", strings.Repeat("A", 44), oauth.InvalidRequest},
		{"padded", strings.Repeat("A", 43) + "=", oauth.InvalidRequest},
		{"padding inside", strings.Repeat("A", 42) + "=", oauth.InvalidRequest},
		{"plus of the other alphabet", "+" + strings.Repeat("A", 42), oauth.InvalidRequest},
		{"slash of the other alphabet", "/" + strings.Repeat("A", 42), oauth.InvalidRequest},
		{"line feed that a decoder skips, added", strings.Repeat("A", 43) + "\n", oauth.InvalidRequest},
		{"line feed that a decoder skips, inside", strings.Repeat("A", 21) + "\n" + strings.Repeat("A", 21), oauth.InvalidRequest},
		{"hexadecimal", strings.Repeat("0", 64), oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, oauth.CheckChallenge(tt.challenge, "S256"), tt.want)
		})
	}
}

func TestVerifyPKCE(t *testing.T) {
	// Every refused pair but the first three would match if it were not for
	// the form of the verifier.
	pair := func(verifier string) [2]string { return [2]string{verifier, s256(verifier)} }
	tests := []struct {
		name string
		pair [2]string // verifier, challenge
		want oauth.ErrorCode
	}{
		{"example of the RFC", [2]string{specVerifier, specChallenge}, ""},
		{"other verifier", [2]string{specVerifier[:42] + "A", specChallenge}, oauth.InvalidGrant},
		{"challenge stripped: downgrade", [2]string{specVerifier, ""}, oauth.InvalidGrant},
		{"plain", [2]string{specVerifier, specVerifier}, oauth.InvalidGrant},
		{"empty", pair(""), oauth.InvalidGrant},
		{"42 characters", pair(strings.Repeat("a", 42)), oauth.InvalidGrant},
		{"43 characters", pair(strings.Repeat("a", 43)), ""},
		{"128 characters", pair(strings.Repeat("a", 128)), ""},
		{"129 characters", pair(strings.Repeat("a", 129)), oauth.InvalidGrant},
		{"every mark that is unreserved", pair(strings.Repeat("-._~", 11)), ""},
		{"letters and digits at their ends", pair(strings.Repeat("azAZ09", 8)), ""},
		{"a reserved character", pair(strings.Repeat("a", 42) + "+"), oauth.InvalidGrant},
		{"a space", pair(strings.Repeat("a", 42) + " "), oauth.InvalidGrant},
		{"not ASCII", pair(strings.Repeat("a", 42) + "é"), oauth.InvalidGrant},
		{"NUL", pair(strings.Repeat("a", 42) + "\x00"), oauth.InvalidGrant},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, oauth.VerifyPKCE(tt.pair[0], tt.pair[1]), tt.want)
		})
	}
}

// No verifier but the one a challenge was made from may pass, and its own
// challenge fails it for its form alone.
func FuzzVerifyPKCE(f *testing.F) {
	f.Add(specVerifier)
	f.Add(specChallenge)
	f.Add(strings.Repeat("~", 129))
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	f.Fuzz(func(t *testing.T, verifier string) {
		err := oauth.VerifyPKCE(verifier, specChallenge)
		if passed := err == nil; passed != (verifier == specVerifier) {
			t.Errorf("VerifyPKCE(%q) = %v", verifier, err)
		}
		challenge := s256(verifier)
		wellFormed := len(verifier) >= 43 && len(verifier) <= 128 && strings.Trim(verifier, unreserved) == ""
		err = oauth.VerifyPKCE(verifier, challenge)
		if passed := err == nil; passed != wellFormed {
			t.Errorf("VerifyPKCE(%q) of its own challenge = %v", verifier, err)
		}
		if err := oauth.CheckChallenge(challenge, "S256"); err != nil {
			t.Errorf("CheckChallenge(%q) = %v", challenge, err)
		}
	})
}
