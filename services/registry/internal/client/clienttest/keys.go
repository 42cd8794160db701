package clienttest

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/jwks"
)

// PublicKeys returns a JWK Set as a client would register it.
func PublicKeys(t testing.TB) string {
	t.Helper()
	key, err := jwks.Generate(jwks.ES256)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwks.NewSet(key)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := set.Public()
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}
