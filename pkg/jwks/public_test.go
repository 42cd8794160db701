package jwks_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-auth/chancery/pkg/jwks"
)

const assertionClaims = `{"iss":"c1"}`

// testKeys are private keys of a client. Making RSA keys is slow, so one
// set serves all cases of a test.
type testKeys struct {
	es, otherES, p384 *ecdsa.PrivateKey
	rsa               *rsa.PrivateKey
}

func newTestKeys(t testing.TB) testKeys {
	t.Helper()
	ec := func(curve elliptic.Curve) *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	return testKeys{ec(elliptic.P256()), ec(elliptic.P256()), ec(elliptic.P384()), rsaKey(t, 2048)}
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// jwk returns the JSON of a key.
func jwk(t testing.TB, key any, kid, alg string) string {
	t.Helper()
	encoded, err := jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func document(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func publicSet(t testing.TB, keys ...string) jwks.PublicSet {
	t.Helper()
	s, err := jwks.ParsePublicSet([]byte(document(keys...)))
	if err != nil {
		t.Fatalf("ParsePublicSet() = %v", err)
	}
	return s
}

// jws signs with any header at all, also ones that no library would write.
func jws(t testing.TB, key any, header string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(header)) + "." + encode([]byte(assertionClaims))
	h := crypto.SHA256.New()
	h.Write([]byte(input))
	var signature []byte
	var err error
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if strings.Contains(header, `"PS256"`) {
			signature, err = rsa.SignPSS(rand.Reader, k, crypto.SHA256, h.Sum(nil), nil)
			break
		}
		signature, err = rsa.SignPKCS1v15(nil, k, crypto.SHA256, h.Sum(nil))
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, k, h.Sum(nil))
		size := (k.Curve.Params().BitSize + 7) / 8
		signature, err = append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...), signErr
	case []byte:
		mac, macErr := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: k}, nil)
		if macErr != nil {
			t.Fatal(macErr)
		}
		signed, signErr := mac.Sign([]byte(assertionClaims))
		if signErr != nil {
			t.Fatal(signErr)
		}
		compact, compactErr := signed.CompactSerialize()
		if compactErr != nil {
			t.Fatal(compactErr)
		}
		return compact
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(signature)
}

func checkAssertion(t *testing.T, s jwks.PublicSet, token string, algs []jwks.Alg, want error) {
	t.Helper()
	got, err := s.VerifyAssertion(token, algs)
	if !errors.Is(err, want) || (want == nil) != (string(got) == assertionClaims) {
		t.Errorf("VerifyAssertion(%.200q) = %q, %v, want %v", token, got, err, want)
	}
}

var allAlgs = []jwks.Alg{jwks.RS256, jwks.PS256, jwks.ES256}

func TestAssertionOfARegisteredKeyVerifies(t *testing.T) {
	k := newTestKeys(t)
	s := publicSet(t,
		jwk(t, k.es.Public(), "e", "ES256"), jwk(t, k.otherES.Public(), "e2", "ES256"),
		jwk(t, k.rsa.Public(), "r", "RS256"), jwk(t, k.rsa.Public(), "p", "PS256"))
	checkAssertion(t, s, jws(t, k.es, `{"alg":"ES256","kid":"e"}`), allAlgs, nil)
	checkAssertion(t, s, jws(t, k.rsa, `{"alg":"RS256","kid":"r"}`), allAlgs, nil)
	checkAssertion(t, s, jws(t, k.rsa, `{"alg":"PS256","kid":"p"}`), allAlgs, nil)
	checkAssertion(t, s, jws(t, k.otherES, `{"alg":"ES256"}`), allAlgs, nil)
	checkAssertion(t, s, jws(t, k.es, `{"alg":"ES256","kid":"e","typ":"client-authentication+jwt"}`), allAlgs, nil)
}

func TestAssertionOfAnEmptySetIsRefused(t *testing.T) {
	checkAssertion(t, jwks.PublicSet{}, jws(t, newTestKeys(t).es, `{"alg":"ES256"}`), allAlgs, jwks.ErrInvalidToken)
}

func TestN112_AlgorithmIsThatOfTheRegistration(t *testing.T) {
	k := newTestKeys(t)
	s := publicSet(t, jwk(t, k.es.Public(), "e", "ES256"), jwk(t, k.rsa.Public(), "r", "RS256"))
	checkAssertion(t, s, jws(t, k.es, `{"alg":"ES256","kid":"e"}`), []jwks.Alg{jwks.ES256}, nil)

	publicText := []byte(jwk(t, k.es.Public(), "e", "ES256"))
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(assertionClaims)) + "."
	for name, token := range map[string]string{
		"none":                             unsigned,
		"none with a signature":            jws(t, k.es, `{"alg":"none","kid":"e"}`),
		"None":                             jws(t, k.es, `{"alg":"None","kid":"e"}`),
		"es256 in lower case":              jws(t, k.es, `{"alg":"es256","kid":"e"}`),
		"HS256 keyed with the public key":  jws(t, publicText, ""),
		"HS256":                            jws(t, k.es, `{"alg":"HS256","kid":"e"}`),
		"RS256 while ES256 is registered":  jws(t, k.rsa, `{"alg":"RS256","kid":"r"}`),
		"ES256 on another curve":           jws(t, k.p384, `{"alg":"ES256","kid":"e"}`),
		"ES256 with the kid of an RSA key": jws(t, k.es, `{"alg":"ES256","kid":"r"}`),
		"no alg":                           jws(t, k.es, `{"kid":"e"}`),
		"alg that is not a string":         jws(t, k.es, `{"alg":["ES256"],"kid":"e"}`),
		"ALG":                              jws(t, k.es, `{"ALG":"ES256","kid":"e"}`),
		"two alg":                          jws(t, k.es, `{"alg":"none","alg":"ES256","kid":"e"}`),
		"another key":                      jws(t, k.otherES, `{"alg":"ES256","kid":"e"}`),
	} {
		t.Run(name, func(t *testing.T) {
			checkAssertion(t, s, token, []jwks.Alg{jwks.ES256}, jwks.ErrInvalidToken)
		})
	}
	checkAssertion(t, s, unsigned, []jwks.Alg{"none", "HS256"}, jwks.ErrInvalidToken)
	checkAssertion(t, s, jws(t, k.es, `{"alg":"ES256","kid":"e"}`), nil, jwks.ErrInvalidToken)
	// PS256 with a key that is registered for RS256.
	checkAssertion(t, s, jws(t, k.rsa, `{"alg":"PS256","kid":"r"}`), allAlgs, jwks.ErrInvalidToken)
}

func TestN113_HeaderDoesNotChooseTheKey(t *testing.T) {
	k := newTestKeys(t)
	s := publicSet(t, jwk(t, k.es.Public(), "e", "ES256"))
	own := jwk(t, k.otherES.Public(), "e", "ES256")
	for name, extra := range map[string]string{
		"jwk": `"jwk":` + own,
		"jku": `"jku":"https://evil.example/jwks"`,
		"x5u": `"x5u":"https://evil.example/cert"`,
	} {
		t.Run(name, func(t *testing.T) {
			h := fmt.Sprintf(`{"alg":"ES256","kid":"e",%s}`, extra)
			checkAssertion(t, s, jws(t, k.otherES, h), allAlgs, jwks.ErrInvalidToken)
			checkAssertion(t, s, jws(t, k.es, h), allAlgs, nil)
		})
	}
	for name, h := range map[string]string{
		"crit":             `{"alg":"ES256","kid":"e","crit":["x"],"x":1}`,
		"crit b64":         `{"alg":"ES256","kid":"e","crit":["b64"],"b64":true}`,
		"empty crit":       `{"alg":"ES256","kid":"e","crit":[]}`,
		"kid of a path":    `{"alg":"ES256","kid":"../../dev/null"}`,
		"kid of SQL":       `{"alg":"ES256","kid":"' OR 1=1"}`,
		"kid of an object": `{"alg":"ES256","kid":{"kid":"e"}}`,
		"kid of 64 KiB":    `{"alg":"ES256","kid":"` + strings.Repeat("e", 64<<10) + `"}`,
		"header in array":  `[{"alg":"ES256","kid":"e"}]`,
		"trailing text":    `{"alg":"ES256","kid":"e"}{}`,
		"null":             `null`,
	} {
		t.Run(name, func(t *testing.T) {
			checkAssertion(t, s, jws(t, k.es, h), allAlgs, jwks.ErrInvalidToken)
		})
	}
}

func TestN118_OversizedAndEncryptedTokensAreRefusedUnparsed(t *testing.T) {
	k := newTestKeys(t)
	s := publicSet(t, jwk(t, k.es.Public(), "e", "ES256"))
	valid := jws(t, k.es, `{"alg":"ES256","kid":"e"}`)
	// A header of padding makes a valid token of exactly the limit.
	padded := func(total int) string {
		rest := len(valid) - strings.Index(valid, ".")
		room := (total - rest) / 4 * 3
		h := `{"alg":"ES256","kid":"e"}`
		return jws(t, k.es, h+strings.Repeat(" ", room-len(h)))
	}
	atLimit, beyond := padded(jwks.MaxTokenLength), padded(jwks.MaxTokenLength+4)
	if len(atLimit) > jwks.MaxTokenLength || len(beyond) <= jwks.MaxTokenLength || len(beyond)-len(atLimit) > 4 {
		t.Fatalf("cases have %d and %d bytes", len(atLimit), len(beyond))
	}
	checkAssertion(t, s, atLimit, allAlgs, nil)
	checkAssertion(t, s, beyond, allAlgs, jwks.ErrInvalidToken)
	for name, token := range map[string]string{
		"a million dots":    strings.Repeat(".", 1_000_000),
		"dots alone":        "..",
		"one dot":           strings.Replace(valid, ".", "", 1),
		"three dots":        valid + ".",
		"JWE":               jweHeader(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".AAAA.AAAA.AAAA.AAAA",
		"compressed JWE":    jweHeader(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`) + "..AAAA.AAAA.AAAA",
		"zip in a JWS":      jws(t, k.es, `{"alg":"ES256","kid":"e","zip":"DEF"}`),
		"enc in a JWS":      jws(t, k.es, `{"alg":"ES256","kid":"e","enc":"A256GCM"}`),
		"JSON form":         `{"payload":"e30","protected":"e30","signature":""}`,
		"CR LF":             valid + "\r\n",
		"white space":       " " + valid,
		"padding":           valid + "=",
		"flipped signature": valid[:len(valid)-2] + flip(valid[len(valid)-2]) + valid[len(valid)-1:],
	} {
		t.Run(name, func(t *testing.T) {
			checkAssertion(t, s, token, allAlgs, jwks.ErrInvalidToken)
		})
	}
}

func jweHeader(h string) string { return base64.RawURLEncoding.EncodeToString([]byte(h)) }

// flip returns another character of the alphabet.
func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestN208_RegisteredKeySets(t *testing.T) {
	k := newTestKeys(t)
	good := jwk(t, k.es.Public(), "e", "ES256")
	many := func(n int) string {
		keys := make([]string, n)
		for i := range keys {
			keys[i] = jwk(t, k.es.Public(), fmt.Sprint(i), "ES256")
		}
		return document(keys...)
	}
	member := func(name, value string) string {
		return strings.TrimSuffix(good, "}") + fmt.Sprintf(`,%q:%s}`, name, value)
	}
	tests := []struct {
		name, doc string
		want      error
	}{
		{"one key", document(good), nil},
		{"one key without kid", document(jwk(t, k.es.Public(), "", "ES256")), nil},
		{"use is sig", document(member("use", `"sig"`)), nil},
		{"20 keys", many(20), nil},
		{"64 KiB", document(good) + strings.Repeat(" ", 64<<10-len(document(good))), nil},
		{"RSA of 2048 bits", document(jwk(t, k.rsa.Public(), "r", "PS256")), nil},

		{"21 keys", many(21), jwks.ErrInvalidKeySet},
		{"64 KiB and one byte", document(good) + strings.Repeat(" ", 64<<10-len(document(good))+1), jwks.ErrInvalidKeySet},
		{"no keys", document(), jwks.ErrInvalidKeySet},
		{"no member keys", `{}`, jwks.ErrInvalidKeySet},
		{"not JSON", `x`, jwks.ErrInvalidKeySet},
		{"keys twice", `{"keys":[` + good + `],"keys":[` + good + `]}`, jwks.ErrInvalidKeySet},
		{"private EC key", document(jwk(t, k.es, "e", "ES256")), jwks.ErrInvalidKeySet},
		{"private RSA key", document(jwk(t, k.rsa, "r", "RS256")), jwks.ErrInvalidKeySet},
		{"private member alone", document(member("dq", `null`)), jwks.ErrInvalidKeySet},
		{"symmetric key", document(`{"kty":"oct","k":"AAAA","alg":"HS256"}`), jwks.ErrInvalidKeySet},
		{"RSA of 1024 bits", document(jwk(t, rsaKey(t, 1024).Public(), "r", "RS256")), jwks.ErrInvalidKeySet},
		{"RSA of exponent 1", document(`{"kty":"RSA","alg":"RS256","e":"AQ","n":"` + strings.Repeat("w", 342) + `"}`), jwks.ErrInvalidKeySet},
		{"RSA of even exponent", document(`{"kty":"RSA","alg":"RS256","e":"BA","n":"` + strings.Repeat("w", 342) + `"}`), jwks.ErrInvalidKeySet},
		{"P-384", document(jwk(t, k.p384.Public(), "e", "ES384")), jwks.ErrInvalidKeySet},
		{"ES256 on P-384", document(jwk(t, k.p384.Public(), "e", "ES256")), jwks.ErrInvalidKeySet},
		{"RS256 on an EC key", document(jwk(t, k.es.Public(), "e", "RS256")), jwks.ErrInvalidKeySet},
		{"no alg", document(jwk(t, k.es.Public(), "e", "")), jwks.ErrInvalidKeySet},
		{"alg none", document(jwk(t, k.es.Public(), "e", "none")), jwks.ErrInvalidKeySet},
		{"use is enc", document(member("use", `"enc"`)), jwks.ErrInvalidKeySet},
		{"duplicate kid", document(good, jwk(t, k.otherES.Public(), "e", "ES256")), jwks.ErrInvalidKeySet},
		{"two keys without kid", document(jwk(t, k.es.Public(), "", "ES256"), jwk(t, k.otherES.Public(), "", "ES256")), jwks.ErrInvalidKeySet},
		{"kid of 257 bytes", document(jwk(t, k.es.Public(), strings.Repeat("k", 257), "ES256")), jwks.ErrInvalidKeySet},
		{"member twice", document(member("kid", `"f"`)), jwks.ErrInvalidKeySet},
		{"point off the curve", document(`{"kty":"EC","crv":"P-256","alg":"ES256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`), jwks.ErrInvalidKeySet},
		{"null key", document("null"), jwks.ErrInvalidKeySet},
		{"nested deeply", document(good) + strings.Repeat("[", 60_000), jwks.ErrInvalidKeySet},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := jwks.ParsePublicSet([]byte(tt.doc)); !errors.Is(err, tt.want) {
				t.Errorf("ParsePublicSet() = %v, want %v", err, tt.want)
			}
		})
	}
}

// A set that is accepted has no private member anywhere in its keys.
func FuzzParsePublicSet(f *testing.F) {
	k := newTestKeys(f)
	f.Add([]byte(document(jwk(f, k.es.Public(), "e", "ES256"))))
	f.Add([]byte(document(jwk(f, k.es, "e", "ES256"))))
	f.Add([]byte(document(jwk(f, k.rsa.Public(), "r", "RS256"))))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if _, err := jwks.ParsePublicSet(doc); err != nil {
			return
		}
		var set struct {
			Keys []map[string]any `json:"keys"`
		}
		if err := json.Unmarshal(doc, &set); err != nil {
			t.Fatalf("accepted, yet not JSON: %v", err)
		}
		for _, key := range set.Keys {
			if key["d"] != nil || key["k"] != nil || key["alg"] == nil {
				t.Errorf("accepted %v", key)
			}
		}
	})
}

// Of all texts only the one the client signed verifies.
func FuzzVerifyAssertion(f *testing.F) {
	k := newTestKeys(f)
	s := publicSet(f, jwk(f, k.es.Public(), "e", "ES256"))
	valid := jws(f, k.es, `{"alg":"ES256","kid":"e"}`)
	f.Add([]byte{0}, uint16(0), "")
	f.Add([]byte{1}, uint16(len(valid)-1), "\n")
	f.Fuzz(func(t *testing.T, mask []byte, at uint16, suffix string) {
		changed := []byte(valid)
		for i, b := range mask {
			if n := int(at) + i; n < len(changed) {
				changed[n] ^= b
			}
		}
		token := string(changed) + suffix
		if _, err := s.VerifyAssertion(token, allAlgs); (err == nil) != (token == valid) {
			t.Errorf("VerifyAssertion(%q) = %v", token, err)
		}
	})
}
