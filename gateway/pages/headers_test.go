package pages_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/gateway/pages"
)

// The headers of every page, at every status, and of the page that could not
// be made.
func TestN045_N075_HeadersAtEveryStatus(t *testing.T) {
	want := map[string]string{
		"X-Frame-Options":              "DENY",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	}
	r := newRenderer(t)
	views := every()
	views["impossible"] = pages.SignIn{}
	for name, page := range views {
		for _, status := range []int{200, 400, 401, 403, 404, 405, 429, 500, 503} {
			w := httptest.NewRecorder()
			if err := r.Render(w, status, page); (err != nil) != (name == "impossible") {
				t.Errorf("%s: Render() = %v", name, err)
			}
			if name != "impossible" && w.Code != status {
				t.Errorf("%s: status = %d, want %d", name, w.Code, status)
			}
			for k, v := range want {
				if got := w.Header().Get(k); got != v {
					t.Errorf("%s %d: %s = %q, want %q", name, status, k, got, v)
				}
			}
			checkPolicy(t, w.Header().Get("Content-Security-Policy"))
			if !strings.Contains(w.Header().Get("Permissions-Policy"), "camera=()") {
				t.Errorf("%s %d: no Permissions-Policy", name, status)
			}
		}
	}
}

func checkPolicy(t *testing.T, policy string) {
	t.Helper()
	for _, directive := range []string{
		"default-src 'none'", "style-src 'self'", "img-src 'self'", "script-src 'self'", "font-src 'self'",
		"frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "require-trusted-types-for 'script'",
	} {
		if !strings.Contains("; "+policy+";", "; "+directive+";") {
			t.Errorf("policy %q lacks %q", policy, directive)
		}
	}
	if !strings.Contains(policy, "form-action 'self'") {
		t.Errorf("policy %q lets forms go anywhere", policy)
	}
}

func TestPolicyNamesTheOneRedirectTarget(t *testing.T) {
	tests := []struct {
		name, uri, want string
	}{
		{"none", "", "form-action 'self';"},
		{"https", "https://acme.example/cb?x=1", "form-action 'self' https://acme.example;"},
		{"https with port", "https://acme.example:8443/cb", "form-action 'self' https://acme.example:8443;"},
		{"loopback", "http://127.0.0.1:51234/cb", "form-action 'self' http://127.0.0.1:51234;"},
		{"IPv6 loopback", "http://[::1]:51234/cb", "form-action 'self' http:;"},
		{"private-use scheme", "com.acme.reports:/cb", "form-action 'self' com.acme.reports:;"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := sampleSignIn()
			p.RedirectURI = tt.uri
			w := httptest.NewRecorder()
			if err := newRenderer(t).Render(w, http.StatusOK, p); err != nil {
				t.Fatal(err)
			}
			if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, tt.want) {
				t.Errorf("policy = %q, want %q in it", got, tt.want)
			}
		})
	}
}

// A host that url.Parse accepts must not write directives of its own.
func TestHostCannotExtendThePolicy(t *testing.T) {
	for _, uri := range []string{
		"https://a.example;script-src/", "https://a.example,b.example/", "https://*.example/", "https://'self'/",
		"https://a.example:80x/", "https://ä.example/", "https:/cb", "javascript:alert(1)", "data:text/html,x", "/cb",
	} {
		if got, err := pages.FormActionSource(uri); err == nil {
			t.Errorf("FormActionSource(%q) = %q, want an error", uri, got)
		}
	}
}

func TestAssets(t *testing.T) {
	r := newWithLogo(t)
	w := httptest.NewRecorder()
	if err := r.Render(w, http.StatusOK, sampleConsent()); err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	for _, path := range assetPaths(parse(t, w.Body.String())) {
		w := httptest.NewRecorder()
		r.Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("GET %s = %d, Cache-Control %q", path, w.Code, w.Header().Get("Cache-Control"))
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(path, "/assets/"), ".")
		types[name] = w.Header().Get("Content-Type")
	}
	want := map[string]string{
		"pages": "text/javascript; charset=utf-8", "icons": "image/svg+xml",
		"favicon": "image/svg+xml", "logo": "image/svg+xml",
	}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("media types (-want +got):\n%s", diff)
	}
}

// assetPaths is what a page loads from below /assets/. The script comes last.
func assetPaths(d document) []string {
	var out []string
	for n := range d.root.Descendants() {
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Val, "/assets/") {
				path, _, _ := strings.Cut(a.Val, "#")
				out = append(out, path)
			}
		}
	}
	return out
}

func TestUnknownAssetIsNotFound(t *testing.T) {
	for _, path := range []string{"/assets/pages.css", "/assets/", "/assets/layout.gohtml", "/assets/pages.0000000000000000.css"} {
		w := httptest.NewRecorder()
		newRenderer(t).Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("GET %s = %d, want 404", path, w.Code)
		}
	}
}

func TestAssetNameFollowsItsContent(t *testing.T) {
	sheet := func(r *pages.Renderer) string {
		w := httptest.NewRecorder()
		if err := r.Render(w, http.StatusOK, sampleError()); err != nil {
			t.Fatal(err)
		}
		href, _ := attr(parse(t, w.Body.String()).find("link", map[string]string{"rel": "stylesheet"})[0], "href")
		return href
	}
	if a, b := sheet(newRenderer(t)), sheet(newRenderer(t)); a != b {
		t.Errorf("one brand has two sheets: %s, %s", a, b)
	}
	if a, b := sheet(newRenderer(t)), sheet(newWithLogo(t)); a == b {
		t.Errorf("two brands share the sheet %s", a)
	}
}
