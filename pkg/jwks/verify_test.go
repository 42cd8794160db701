package jwks_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/jwks"
)

func TestPublishedKeysVerifyWhatTheSetSigned(t *testing.T) {
	rsa, ec := generate(t, jwks.RS256), generate(t, jwks.ES256)
	set := newSet(t, rsa, ec)
	doc, err := set.Public()
	if err != nil {
		t.Fatal(err)
	}
	public, err := jwks.ParsePublicSet(doc)
	if err != nil {
		t.Fatalf("ParsePublicSet(published) = %v", err)
	}
	good := sign(t, set, jwks.ES256, jwks.IDToken)
	parts := strings.Split(good, ".")
	tests := []struct {
		name, token string
		want        error
	}{
		{"ES256", good, nil},
		{"RS256", sign(t, set, jwks.RS256, jwks.IDToken), nil},
		{"another kind", sign(t, set, jwks.ES256, jwks.AccessToken), jwks.ErrInvalidToken},
		{"a key that is not published", sign(t, newSet(t, generate(t, jwks.ES256)), jwks.ES256, jwks.IDToken), jwks.ErrInvalidToken},
		{"no kid", jweHeader(`{"alg":"ES256","typ":"JWT"}`) + "." + parts[1] + "." + parts[2], jwks.ErrInvalidToken},
		{"alg of another key", jweHeader(`{"alg":"RS256","typ":"JWT","kid":"`+ec.KID()+`"}`) + "." + parts[1] + "." + parts[2], jwks.ErrInvalidToken},
		{"alg none", jweHeader(`{"alg":"none","typ":"JWT","kid":"`+ec.KID()+`"}`) + "." + parts[1] + ".", jwks.ErrInvalidToken},
		{"other claims", parts[0] + "." + jweHeader(`{"sub":"u2"}`) + "." + parts[2], jwks.ErrInvalidToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims, err := public.Verify(jwks.IDToken, tt.token)
			if !errors.Is(err, tt.want) {
				t.Fatalf("Verify() = %v, want %v", err, tt.want)
			}
			if err == nil && string(claims) != `{"sub":"u1"}` {
				t.Errorf("Verify() = %s", claims)
			}
		})
	}
}
