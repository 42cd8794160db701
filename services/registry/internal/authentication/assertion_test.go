package authentication_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/registry/internal/authentication"
)

type claimSet map[string]any

// claims is of a good assertion, with the same jti every time.
func claims(clientID string) claimSet {
	return claimSet{
		"iss": clientID, "sub": clientID, "aud": issuer,
		"iat": now().Unix(), "exp": now().Add(time.Minute).Unix(), "jti": "jti-" + clientID,
	}
}

func (c claimSet) with(name string, value any) claimSet {
	other := maps.Clone(c)
	other[name] = value
	return other
}

func (c claimSet) without(name string) claimSet {
	other := maps.Clone(c)
	delete(other, name)
	return other
}

func asserted(id, token string) authentication.Presented {
	return authentication.Presented{ClientID: id, Method: oauth.AuthPrivateKeyJWT, Assertion: token}
}

// newKeys returns the JWK Set of a client, and what signs with its key.
func newKeys(t *testing.T) (doc string, sign func(claimSet) string) {
	t.Helper()
	key, err := jwks.Generate(jwks.ES256)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwks.NewSet(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := set.Public()
	if err != nil {
		t.Fatal(err)
	}
	return string(public), func(c claimSet) string {
		t.Helper()
		token, err := set.Sign(jwks.ES256, jwks.IDToken, c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestAssertionAuthenticates(t *testing.T) {
	f := newFixture(t)
	keys, sign := newKeys(t)
	id, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	f.accept(t, asserted(id, sign(claims(id))))
	f.accept(t, asserted(id, sign(claims(id).with("jti", "another"))))
}

func TestN112_AlgorithmIsThatOfTheKey(t *testing.T) {
	f := newFixture(t)
	keys, sign := newKeys(t)
	_, strange := newKeys(t)
	id, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	good := sign(claims(id))
	parts := strings.Split(good, ".")
	withHeader := func(header string) string { return encode(header) + "." + parts[1] + "." + parts[2] }
	hmacked := func() string {
		input := encode(`{"alg":"HS256"}`) + "." + parts[1]
		mac := hmac.New(sha256.New, []byte(keys))
		mac.Write([]byte(input))
		return input + "." + encode(string(mac.Sum(nil)))
	}
	for name, token := range map[string]string{
		"none":              encode(`{"alg":"none"}`) + "." + parts[1] + ".",
		"None":              encode(`{"alg":"None"}`) + "." + parts[1] + ".",
		"no alg":            withHeader(`{}`),
		"RS256":             withHeader(`{"alg":"RS256"}`),
		"HMAC with the key": hmacked(),
		"key of a stranger": strange(claims(id)),
		"signature cut off": parts[0] + "." + parts[1] + ".",
		"claims exchanged":  parts[0] + "." + encode(`{"iss":"x"}`) + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) { f.refuse(t, asserted(id, token)) })
	}
	f.accept(t, asserted(id, good))
}

func TestN113_HeaderLeadsNowhere(t *testing.T) {
	f := newFixture(t)
	keys, sign := newKeys(t)
	id, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	good := sign(claims(id))
	parts := strings.Split(good, ".")
	for _, header := range []string{
		`{"alg":"ES256","kid":"../../dev/null"}`, `{"alg":"ES256","kid":"' OR 1=1"}`, `{"alg":"ES256","crit":["x"],"x":1}`,
		`{"alg":"ES256","jku":"https://evil.test/jwks"}`, `{"alg":"ES256","x5u":"https://evil.test/x"}`,
		`{"alg":"ES256","kid":"` + strings.Repeat("k", 64<<10) + `"}`,
	} {
		f.refuse(t, asserted(id, encode(header)+"."+parts[1]+"."+parts[2]))
	}
	f.accept(t, asserted(id, good))
}

func TestN114_AudienceIsTheIssuerAlone(t *testing.T) {
	f := newFixture(t)
	keys, sign := newKeys(t)
	id, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	for _, aud := range []any{
		issuer + "/oauth/token", issuer + "/oauth/par", issuer + "/",
		[]string{issuer},
		[]string{issuer, "x"},
		"https://other.test", strings.ToUpper(issuer), "",
	} {
		f.refuseClaims(t, asserted(id, sign(claims(id).with("aud", aud))))
	}
	f.refuseClaims(t, asserted(id, sign(claims(id).without("aud"))))
	f.accept(t, asserted(id, sign(claims(id))))
}

func TestN115_ClaimsAreStrict(t *testing.T) {
	f := newFixture(t)
	keys, sign := newKeys(t)
	id, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	other, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	good := claims(id)
	for name, c := range map[string]claimSet{
		"iss of another":          good.with("iss", other),
		"sub of another":          good.with("sub", other),
		"iss and sub of another":  good.with("iss", other).with("sub", other),
		"no exp":                  good.without("exp"),
		"no jti":                  good.without("jti"),
		"no sub":                  good.without("sub"),
		"exp now":                 good.with("exp", now().Unix()),
		"exp over 5 minutes away": good.with("exp", now().Add(301*time.Second).Unix()),
		"exp in milliseconds":     good.with("exp", now().Add(time.Minute).UnixMilli()),
		"exp as text":             good.with("exp", "1"),
		"exp with an exponent":    good.with("exp", json.RawMessage("1e400")),
		"exp negative":            good.with("exp", -1),
	} {
		t.Run(name, func(t *testing.T) { f.refuseClaims(t, asserted(id, sign(c))) })
	}
	f.accept(t, asserted(id, sign(good.with("exp", now().Add(time.Second).Unix()).with("jti", "soon"))))
	f.accept(t, asserted(id, sign(good.with("exp", now().Add(300*time.Second).Unix()).with("jti", "late"))))
}

func TestN116_ClockOfTheClientMayBeFast(t *testing.T) {
	f := newFixture(t)
	keys, sign := newKeys(t)
	id, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	for _, name := range []string{"iat", "nbf"} {
		f.accept(t, asserted(id, sign(claims(id).with(name, now().Add(8*time.Second).Unix()).with("jti", name))))
		f.refuseClaims(t, asserted(id, sign(claims(id).with(name, now().Add(61*time.Second).Unix()))))
	}
}

func TestN117_RefusedAssertionIsNotUsedUp(t *testing.T) {
	f := newFixture(t)
	keys, sign := newKeys(t)
	id, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	_, strange := newKeys(t)
	f.refuse(t, asserted(id, strange(claims(id))))
	f.refuseClaims(t, asserted(id, sign(claims(id).with("aud", "https://other.test"))))
	f.accept(t, asserted(id, sign(claims(id))))
	f.refuse(t, asserted(id, sign(claims(id).with("exp", now().Add(2*time.Minute).Unix()))))
}

func TestN118_OversizedAssertionsAreRefused(t *testing.T) {
	f := newFixture(t)
	keys, sign := newKeys(t)
	id, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	for name, token := range map[string]string{
		"a million dots": strings.Repeat(".", 1_000_000),
		"JWE":            encode(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`) + "..a.b.c",
		"jti of 1 MiB":   sign(claims(id).with("jti", strings.Repeat("j", 1<<20))),
	} {
		t.Run(name, func(t *testing.T) { f.refuse(t, asserted(id, token)) })
	}
	f.refuseClaims(t, asserted(id, sign(claims(id).with("jti", strings.Repeat("j", 257)))))
	f.accept(t, asserted(id, sign(claims(id).with("jti", strings.Repeat("j", 256)))))
}
