package gateway_test

import (
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

func TestDirectoryIsPublic(t *testing.T) {
	w := deskWorld(t)
	got := w.get("/apps?q=books")
	got.wantStatus(t, 200)
	for _, want := range []string{"Ledger Sync", "Found by books", "Example Works", `href="/apps?page=n%262&amp;q=books"`, `href="/signin?next=%2Faccount%2Fapps"`, `value="books"`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("page lacks %s", want)
		}
	}
	if got.Header.Get("Cache-Control") != "no-store" || strings.Contains(got.body, "/signout") {
		t.Error("page may be kept, or is for somebody")
	}
	if mine := w.get("/apps", "Cookie", signedInCookies); !strings.Contains(mine.body, "u1@example") || !strings.Contains(mine.body, tokenFor("s1")) {
		t.Error("page does not see who is signed in")
	}
	w.authorize.session = nil
	w.get("/apps", "Cookie", signedInCookies).wantStatus(t, 200)
	for name, path := range map[string]string{
		"a forged page token": "/apps?page=forged", "a long search": "/apps?q=" + strings.Repeat("x", 121), "a search twice": "/apps?q=a&q=b",
	} {
		bad := w.get(path)
		t.Run(name, func(t *testing.T) { bad.wantPage(t, 400) })
	}
	w.get("/apps?q="+strings.Repeat("x", 120)).wantStatus(t, 200)
	w.directory.fail = rpcerr.ErrUnavailable
	w.get("/apps").wantStatus(t, 200)
}

func TestLogosAreKept(t *testing.T) {
	w := newWorld(t)
	digest := strings.Repeat("ab", 32)
	got := w.get("/logos/" + digest + ".png")
	got.wantStatus(t, 200)
	for header, want := range map[string]string{
		"Content-Type": "image/png", "Cache-Control": "public, max-age=31536000, immutable", "Cross-Origin-Resource-Policy": "same-origin",
		"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
	} {
		if h := got.Header.Get(header); h != want {
			t.Errorf("%s = %q, want %q", header, h, want)
		}
	}
	if got.body != "\x89PNG" {
		t.Errorf("body = %q", got.body)
	}
	if head := w.do(call{method: "HEAD", path: "/logos/" + digest + ".png"}); head.StatusCode != 200 || head.body != "" {
		t.Errorf("HEAD: %d, %q", head.StatusCode, head.body)
	}
	before := w.registry.count()
	for _, path := range []string{
		"/logos/" + digest, "/logos/" + digest + ".svg", "/logos/" + strings.ToUpper(digest) + ".png", "/logos/" + digest[1:] + ".png", "/logos/.png", "/logos/" + digest[1:] + "g.png", "/logos/",
	} {
		w.get(path).wantStatus(t, 404)
	}
	if w.registry.count() != before {
		t.Error("a name that can be none was looked up")
	}
	other := w.get("/logos/" + strings.Repeat("cd", 32) + ".png")
	other.wantStatus(t, 404)
	if other.Header.Get("Cache-Control") != "no-store" {
		t.Error("a logo that is not there may be kept")
	}
}
