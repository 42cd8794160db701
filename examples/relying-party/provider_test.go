package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// provider is one that says what the test wants it to say. It records what it was
// asked.
type provider struct {
	*httptest.Server

	key      *ecdsa.PrivateKey
	metadata map[string]any
	claims   map[string]any // of the ID token, over the right ones
	info     map[string]any // at the userinfo endpoint
	tokens   []url.Values   // token requests
	basic    []bool         // whether each had the credentials in its header
	bearers  []string       // tokens that came to userinfo and API
	paths    []string       // of the API
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, info: map[string]any{"sub": "u1", "name": "Ada <Demo>"}}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	p.metadata = map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"userinfo_endpoint": p.URL + "/me", "jwks_uri": p.URL + "/jwks",
		"authorization_response_iss_parameter_supported": true,
		"id_token_signing_alg_values_supported":          []string{"ES256"},
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { answer(w, p.metadata) })
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"keys": []any{map[string]string{
			"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "use": "sig", "x": encode(point[1:33]), "y": encode(point[33:]),
		}}})
	})
	mux.HandleFunc("/token", p.token)
	mux.HandleFunc("/me", func(w http.ResponseWriter, r *http.Request) {
		p.bearers = append(p.bearers, r.Header.Get("Authorization"))
		answer(w, p.info)
	})
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		p.bearers = append(p.bearers, r.Header.Get("Authorization"))
		body, _ := io.ReadAll(r.Body)
		p.paths = append(p.paths, r.Method+" "+r.URL.Path)
		answer(w, map[string]any{"got": len(body) > 0})
	})
	return p
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	_, _, basic := r.BasicAuth()
	p.tokens, p.basic = append(p.tokens, r.PostForm), append(p.basic, basic)
	response := map[string]any{"access_token": "at-secret-2", "refresh_token": "rt-secret-2", "token_type": "Bearer", "expires_in": 3600}
	if r.PostForm.Get("grant_type") == "authorization_code" {
		response["access_token"], response["refresh_token"], response["scope"] = "at-secret-1", "rt-secret-1", "openid profile"
		response["id_token"] = p.sign()
	}
	answer(w, response)
}

// sign makes the ID token.
func (p *provider) sign() string {
	claims := map[string]any{"iss": p.URL, "aud": "app", "sub": "u1", "iat": instant().Unix(), "exp": instant().Add(time.Hour).Unix()}
	maps.Copy(claims, p.claims)
	payload, _ := json.Marshal(claims)
	input := encode([]byte(`{"alg":"ES256","kid":"k"}`)) + "." + encode(payload)
	digest := sha256.Sum256([]byte(input))
	r, s, _ := ecdsa.Sign(rand.Reader, p.key, digest[:])
	return input + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func instant() time.Time { return time.Unix(1893452400, 0) }
