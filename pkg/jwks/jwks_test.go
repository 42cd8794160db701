package jwks_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/jwks"
)

func generate(t testing.TB, alg jwks.Alg) jwks.Key {
	t.Helper()
	k, err := jwks.Generate(alg)
	if err != nil {
		t.Fatalf("Generate(%s) = %v", alg, err)
	}
	return k
}

func newSet(t testing.TB, keys ...jwks.Key) *jwks.Set {
	t.Helper()
	s, err := jwks.NewSet(keys...)
	if err != nil {
		t.Fatalf("NewSet() = %v", err)
	}
	return s
}

func sign(t testing.TB, s *jwks.Set, alg jwks.Alg, typ jwks.Typ) string {
	t.Helper()
	token, err := s.Sign(alg, typ, map[string]string{"sub": "u1"})
	if err != nil {
		t.Fatalf("Sign(%s) = %v", alg, err)
	}
	return token
}

// decode returns the JSON object in one part of a compact JWS.
func decode(t *testing.T, part string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func TestSignedTokenVerifies(t *testing.T) {
	for _, alg := range []jwks.Alg{jwks.RS256, jwks.ES256} {
		t.Run(string(alg), func(t *testing.T) {
			k := generate(t, alg)
			s := newSet(t, k)
			token := sign(t, s, alg, jwks.IDToken)
			want := map[string]any{"alg": string(alg), "kid": k.KID(), "typ": "JWT"}
			if diff := cmp.Diff(want, decode(t, strings.Split(token, ".")[0])); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			claims, kid, err := s.Verify(jwks.IDToken, token)
			if err != nil || string(claims) != `{"sub":"u1"}` || kid != k.KID() {
				t.Errorf("Verify() = %s, %s, %v", claims, kid, err)
			}
		})
	}
}

func TestFirstKeyOfAnAlgorithmSigns(t *testing.T) {
	current, former, other := generate(t, jwks.ES256), generate(t, jwks.ES256), generate(t, jwks.RS256)
	s := newSet(t, current, former, other)
	if diff := cmp.Diff([]jwks.Alg{jwks.ES256, jwks.RS256}, s.Algs()); diff != "" {
		t.Errorf("Algs() (-want +got):\n%s", diff)
	}
	if _, kid, err := s.Verify(jwks.IDToken, sign(t, s, jwks.ES256, jwks.IDToken)); err != nil || kid != current.KID() {
		t.Errorf("signed by %s, %v, want %s", kid, err, current.KID())
	}
	if _, kid, err := s.Verify(jwks.IDToken, sign(t, newSet(t, former), jwks.ES256, jwks.IDToken)); err != nil || kid != former.KID() {
		t.Errorf("token of the former key: %s, %v", kid, err)
	}
	if _, err := newSet(t, current).Sign(jwks.RS256, jwks.IDToken, nil); !errors.Is(err, jwks.ErrNoKey) {
		t.Errorf("Sign() = %v, want %v", err, jwks.ErrNoKey)
	}
}

func TestVerifyRefuses(t *testing.T) {
	k := generate(t, jwks.ES256)
	s := newSet(t, k, generate(t, jwks.RS256))
	valid := sign(t, s, jwks.ES256, jwks.IDToken)
	part := strings.Split(valid, ".")
	header := func(text string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(text)) + "." + part[1] + "." + part[2]
	}
	tests := []struct {
		name, token string
		want        error
	}{
		{"valid", valid, nil},
		{"empty", "", jwks.ErrInvalidToken},
		{"another set", sign(t, newSet(t, generate(t, jwks.ES256)), jwks.ES256, jwks.IDToken), jwks.ErrInvalidToken},
		{"typ of an access token", sign(t, s, jwks.ES256, jwks.AccessToken), jwks.ErrInvalidToken},
		{"no signature", part[0] + "." + part[1] + ".", jwks.ErrInvalidToken},
		{"other claims", part[0] + ".e30." + part[2], jwks.ErrInvalidToken},
		{"line feed", valid[:10] + "\n" + valid[10:], jwks.ErrInvalidToken},
		{"alg none", header(`{"alg":"none","kid":"` + k.KID() + `","typ":"JWT"}`), jwks.ErrInvalidToken},
		{"alg of the other key", header(`{"alg":"RS256","kid":"` + k.KID() + `","typ":"JWT"}`), jwks.ErrInvalidToken},
		{"no kid", header(`{"alg":"ES256","typ":"JWT"}`), jwks.ErrInvalidToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := s.Verify(jwks.IDToken, tt.token); !errors.Is(err, tt.want) {
				t.Errorf("Verify() = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestPublicHasNoPrivateMember(t *testing.T) {
	rs, es := generate(t, jwks.RS256), generate(t, jwks.ES256)
	doc, err := newSet(t, rs, es).Public()
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Keys []map[string]any }
	if err := json.Unmarshal(doc, &got); err != nil || len(got.Keys) != 2 {
		t.Fatalf("Public() = %s, %v", doc, err)
	}
	want := []map[string]any{
		{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": rs.KID(), "n": got.Keys[0]["n"], "e": "AQAB"},
		{"kty": "EC", "use": "sig", "alg": "ES256", "kid": es.KID(), "crv": "P-256", "x": got.Keys[1]["x"], "y": got.Keys[1]["y"]},
	}
	if diff := cmp.Diff(want, got.Keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	// What we publish is what we would let a client register.
	if _, err := jwks.ParsePublicSet(doc); err != nil {
		t.Errorf("ParsePublicSet() = %v", err)
	}
}

func TestPrivateKeySurvivesStorage(t *testing.T) {
	for _, alg := range []jwks.Alg{jwks.RS256, jwks.ES256} {
		k := generate(t, alg)
		der, err := k.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		got, err := jwks.ParsePrivate(alg, der)
		if err != nil || got.KID() != k.KID() || got.Alg() != alg {
			t.Fatalf("ParsePrivate() = %v, %v, want %v", got, err, k)
		}
		if _, _, err := newSet(t, k).Verify(jwks.IDToken, sign(t, newSet(t, got), alg, jwks.IDToken)); err != nil {
			t.Errorf("token of the parsed key: %v", err)
		}
	}
}

func TestParsePrivateRefusesKeysThatDoNotFit(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		alg  jwks.Alg
		key  any
		ok   bool
	}{
		{"P-256 for ES256", jwks.ES256, p256, true},
		{"P-384 for ES256", jwks.ES256, p384, false},
		{"EC for RS256", jwks.RS256, p256, false},
		{"RSA of 1024 bits", jwks.RS256, small, false},
		{"unknown algorithm", "HS256", p256, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			der, err := x509.MarshalPKCS8PrivateKey(tt.key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := jwks.ParsePrivate(tt.alg, der); (err == nil) != tt.ok {
				t.Errorf("ParsePrivate() = %v, want success %t", err, tt.ok)
			}
		})
	}
	if _, err := jwks.ParsePrivate(jwks.ES256, []byte("garbage")); err == nil {
		t.Error("ParsePrivate(garbage) succeeds")
	}
}

func TestGenerateRefusesOtherAlgorithms(t *testing.T) {
	for _, alg := range []jwks.Alg{"", "none", "HS256", jwks.PS256} {
		if _, err := jwks.Generate(alg); err == nil {
			t.Errorf("Generate(%q) succeeds", alg)
		}
	}
}

func TestNewSetRefuses(t *testing.T) {
	k := generate(t, jwks.ES256)
	for name, keys := range map[string][]jwks.Key{"nothing": nil, "an empty key": {{}}, "a key twice": {k, k}} {
		if _, err := jwks.NewSet(keys...); err == nil {
			t.Errorf("NewSet of %s succeeds", name)
		}
	}
}

func TestKIDIsTheThumbprint(t *testing.T) {
	k := generate(t, jwks.ES256)
	doc, err := newSet(t, k).Public()
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(doc, &set); err != nil {
		t.Fatal(err)
	}
	// RFC 7638 §3.2: the required members, in order, without white space.
	var members struct{ Keys []struct{ X, Y string } }
	if err := json.Unmarshal(doc, &members); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, members.Keys[0].X, members.Keys[0].Y))
	if want := base64.RawURLEncoding.EncodeToString(sum[:]); k.KID() != want || set.Keys[0].KeyID != want {
		t.Errorf("KID() = %s, published %s, want %s", k.KID(), set.Keys[0].KeyID, want)
	}
}

func TestAtHash(t *testing.T) {
	// OIDC Core appendix A.3.
	const accessToken, want = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "77QmUPtjPfzWtF2AnpK9RQ"
	if got := jwks.AtHash(accessToken); got != want {
		t.Errorf("AtHash() = %s, want %s", got, want)
	}
}

func TestKeyShowsItsKIDOnly(t *testing.T) {
	k := generate(t, jwks.ES256)
	want := "ES256 key " + k.KID() + " [redacted]"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, k); got != want {
			t.Errorf("Sprintf(%q) = %s, want %s", verb, got, want)
		}
	}
	if got, err := json.Marshal(k); err != nil || string(got) != `"`+want+`"` {
		t.Errorf("json.Marshal() = %s, %v", got, err)
	}
	if k.GoString() != want || k.LogValue().String() != want {
		t.Errorf("GoString() = %s, LogValue() = %s", k.GoString(), k.LogValue())
	}
}

func BenchmarkSign(b *testing.B) {
	claims := map[string]any{"iss": "https://as.test", "sub": "u1", "aud": "c1", "exp": 1_800_000_000}
	for _, alg := range []jwks.Alg{jwks.RS256, jwks.ES256} {
		s := newSet(b, generate(b, alg))
		b.Run(string(alg), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Sign(alg, jwks.IDToken, claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
