package gateway_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/httpbody"

	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

var update = flag.Bool("update", false, "write golden files")

func TestMetadataDocument(t *testing.T) {
	w := newWorld(t)
	got := w.get("/.well-known/openid-configuration")
	golden(t, "openid-configuration.json", got.body)
	if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("headers = %v", got.Header)
	}
	if other := w.get("/.well-known/oauth-authorization-server"); other.body != got.body {
		t.Error("the two documents differ")
	}
	head := w.do(call{method: "HEAD", path: "/.well-known/openid-configuration"})
	head.wantStatus(t, 200)
	if head.body != "" || head.Header.Get("ETag") != got.Header.Get("ETag") {
		t.Errorf("HEAD has ETag %q and a body of %d", head.Header.Get("ETag"), len(head.body))
	}
	w.get("/.well-known/openid-configuration", "If-None-Match", got.Header.Get("ETag")).wantStatus(t, 304)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from the golden file; got\n%s", name, got)
	}
}

// N204 as far as the edge can tell: every URL is an endpoint of the issuer, and
// nothing is said of what is not there.
func TestN204_MetadataIsTrue(t *testing.T) {
	w := newWorld(t)
	var doc map[string]any
	if err := json.Unmarshal([]byte(w.get("/.well-known/openid-configuration").body), &doc); err != nil {
		t.Fatal(err)
	}
	for name, value := range doc {
		endpoint, isText := value.(string)
		if !isText || name == "issuer" {
			continue
		}
		path, ok := strings.CutPrefix(endpoint, issuer)
		if !ok {
			t.Errorf("%s = %s is not the issuer's", name, endpoint)
			continue
		}
		if got := w.do(call{method: "DELETE", path: path}); got.StatusCode != 405 {
			t.Errorf("%s = %s answers %d to a method that it does not know", name, endpoint, got.StatusCode)
		}
	}
	for name, want := range map[string]bool{
		"request_parameter_supported": false, "request_uri_parameter_supported": false, "claims_parameter_supported": false,
		"authorization_response_iss_parameter_supported": true,
	} {
		if doc[name] != want {
			t.Errorf("%s = %v, want %v", name, doc[name], want)
		}
	}
	text := w.get("/.well-known/openid-configuration").body
	for _, absent := range []string{"plain", "implicit", "password", `"token"`, "id_token token", "fragment", "end_session", "registration_endpoint", "device"} {
		if strings.Contains(text, absent) {
			t.Errorf("metadata says %q", absent)
		}
	}
	if doc["revocation_bound"] != 5.0 {
		t.Errorf("revocation_bound = %v", doc["revocation_bound"])
	}
}

// A scope that is not in the catalogue opens no claims.
func TestClaimsFollowTheCatalogue(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config) { c.Preset.Scopes = preset.Catalogue{{Name: "openid", Kind: preset.Identity}} })
	if got := w.get("/.well-known/openid-configuration").body; strings.Contains(got, "email") {
		t.Errorf("metadata names claims that no scope opens: %s", got)
	}
}

// RFC 8414 §3.1 and OIDC Discovery 1.0 §4.
func TestMetadataBelowAnIssuerPath(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config) { c.Issuer = "https://as.test/tenant" })
	for path, want := range map[string]int{
		"/tenant/.well-known/openid-configuration":       200,
		"/.well-known/oauth-authorization-server/tenant": 200,
		"/.well-known/openid-configuration/tenant":       200,
		"/tenant/.well-known/oauth-authorization-server": 200,
		"/.well-known/openid-configuration":              404,
		"/.well-known/oauth-authorization-server/other":  404,
	} {
		got := w.get(path)
		got.wantStatus(t, want)
		if want == 200 && (!strings.Contains(got.body, `"issuer": "https://as.test/tenant"`) || !strings.Contains(got.body, `"https://as.test/oauth/token"`)) {
			t.Errorf("%s = %s", path, got.body)
		}
	}
}

// N070, N200: URLs are the issuer's, whatever the request says.
func TestN200_HostIsIgnored(t *testing.T) {
	w := newWorld(t)
	want := w.get("/.well-known/openid-configuration").body
	for _, request := range []string{
		"GET /.well-known/openid-configuration HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n",
		"GET http://evil.test/.well-known/openid-configuration HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n",
		"GET /.well-known/openid-configuration HTTP/1.1\r\nHost: as.test\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: http\r\nForwarded: host=evil.test\r\nConnection: close\r\n\r\n",
	} {
		if got := w.raw(request); got.body != want {
			t.Errorf("%q: %s", request, got.body)
		}
	}
	login := w.raw("GET /signin HTTP/1.1\r\nHost: evil.test\r\nX-Forwarded-Host: evil.test\r\nConnection: close\r\n\r\n")
	if strings.Contains(login.body, "evil.test") {
		t.Error("a page names the request's host")
	}
}

// N205: keys and metadata are served while everything behind is away.
func TestN205_DocumentsComeFromMemory(t *testing.T) {
	w := newWorld(t)
	down := func() (*httpbody.HttpBody, error) { return nil, rpcerr.ErrUnavailable }
	w.token.jwks = down
	w.get("/.well-known/jwks.json").wantJSONError(t, 503, "temporarily_unavailable")

	w.token.jwks = nil
	first := w.get("/.well-known/jwks.json")
	first.wantStatus(t, 200)
	if first.body != `{"keys":[]}` || first.Header.Get("Cache-Control") != "public, max-age=300" || first.Header.Get("Content-Type") != "application/json" {
		t.Errorf("keys = %s, %v", first.body, first.Header)
	}
	w.token.jwks = down
	again := w.get("/.well-known/jwks.json")
	again.wantStatus(t, 200)
	if again.body != first.body {
		t.Errorf("keys = %s, want %s", again.body, first.body)
	}
	w.get("/.well-known/openid-configuration").wantStatus(t, 200)

	w.token.jwks = func() (*httpbody.HttpBody, error) { return &httpbody.HttpBody{Data: []byte("<html>")}, nil }
	if got := w.get("/.well-known/jwks.json"); got.body != first.body {
		t.Errorf("keys = %s", got.body)
	}
}
