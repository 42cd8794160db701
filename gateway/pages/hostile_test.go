package pages_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/chancery-auth/chancery/gateway/pages"
)

// fields that hold an address or a word of ours, not text of a stranger.
// Hostile addresses have tests of their own.
var trusted = map[string]bool{
	"Action": true, "RedirectURI": true, "SwitchAction": true, "ManageURL": true,
	"SignInURL": true, "AccountURL": true, "DeveloperURL": true, "DirectoryURL": true, "NewURL": true, "EditURL": true,
	"SecretsURL": true, "LogoFormURL": true, "DeleteURL": true, "CancelURL": true, "ReloadURL": true, "NextURL": true, "BackURL": true, "PasswordURL": true,
	"Complaint": true, "Field": true, "Risk": true, "Reason": true, "Notice": true,
	"Outcome": true, "ClientType": true, "Visibility": true, "AuthMethods": true,
}

// poison sets every string below v that is not trusted.
func poison(v reflect.Value, payload string) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), payload)
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i), payload)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !trusted[v.Type().Field(i).Name] {
				poison(v.Field(i), payload)
			}
		}
	case reflect.String:
		v.SetString(payload)
	default:
	}
}

func poisoned(p pages.Page, payload string) pages.Page {
	v := reflect.New(reflect.TypeOf(p)).Elem()
	v.Set(reflect.ValueOf(p))
	poison(v, payload)
	return v.Interface().(pages.Page)
}

// shape is the elements and attribute names of a page, without their values.
func shape(d document) map[string]int {
	out := map[string]int{}
	for n := range d.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		out[n.Data]++
		for _, a := range n.Attr {
			out[n.Data+"/"+a.Key]++
		}
	}
	return out
}

// Markup in any field adds no element and no attribute to the page.
func TestN094_MarkupIsInert(t *testing.T) {
	payloads := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg onload=alert(1)>`, `{{.}}`,
		`javascript:alert(1)`, `data:text/html,<script>alert(1)</script>`, `</title><script>alert(1)</script>`,
		"` onmouseover=alert(1) x=`", `</style><b>`, `<!--`, `//evil.test/x.png`,
	}
	for name, page := range every() {
		clean := shape(render(t, poisoned(page, "plain")))
		for _, payload := range payloads {
			t.Run(name+" "+payload, func(t *testing.T) {
				doc := render(t, poisoned(page, payload))
				got := shape(doc)
				for k, n := range got {
					if n > clean[k] {
						t.Errorf("%d times %s, want %d", n, k, clean[k])
					}
				}
				checkAddresses(t, doc)
			})
		}
	}
}

// ownAddresses are those of the samples.
var ownAddresses = []string{
	"/oauth/form", "/account/apps", "/account/apps?page=2", "/account/password", "/signout", "/signin", "/apps", "/apps?page=2",
	"/developer/apps", "/developer/apps/new?workspace=w1", "/developer/apps/new?workspace=w2", "/developer/apps/a1",
	"/developer/apps/a1/secrets", "/developer/apps/a1/logo", "/developer/apps/a1/delete", "https://reports.acme.example/cb",
}

// checkAddresses fails if the page loads, links or posts to anything a
// payload has named.
func checkAddresses(t *testing.T, d document) {
	t.Helper()
	for n := range d.root.Descendants() {
		for _, a := range n.Attr {
			if a.Key != "href" && a.Key != "src" && a.Key != "action" {
				continue
			}
			if !strings.HasPrefix(a.Val, "/assets/") && !strings.HasPrefix(a.Val, "#") && !slices.Contains(ownAddresses, a.Val) {
				t.Errorf("%s %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
}

// N095: a logo is never fetched from elsewhere.
func TestN095_LogoComesFromOurOrigin(t *testing.T) {
	tests := []struct{ logo, want string }{
		{"/logos/acme.png", "/logos/acme.png"},
		{"/logos/acme.png?v=2", "/logos/acme.png?v=2"},
		{"", ""},
		{"https://evil.test/x.png", ""},
		{"//evil.test/x.png", ""},
		{`/\evil.test/x.png`, ""},
		{"javascript:alert(1)", ""},
		{"data:image/png;base64,AAAA", ""},
		{"logos/acme.png", ""},
	}
	for _, tt := range tests {
		if got := pages.LogoPath(tt.logo); got != tt.want {
			t.Errorf("LogoPath(%q) = %q, want %q", tt.logo, got, tt.want)
		}
	}
}

// Names of strangers are isolated, so that their direction ends with them,
// and hosts are in ASCII.
func TestN093_NamesAreIsolatedAndHostsAreASCII(t *testing.T) {
	doc := render(t, strangeNames())
	h1 := doc.find("h1", nil)[0]
	if h1.FirstChild.Data != "bdi" || text(h1.FirstChild) != "yawliaR Rаilway تطبيق" {
		t.Errorf("the name is not isolated, or keeps its overrides: %q", text(h1))
	}
	if got := doc.text(); !strings.Contains(got, "xn--rilway-3nf.example") {
		t.Errorf("page says %q, want the host in ASCII", got)
	}
	for _, name := range []string{"דבר", "مساحة"} {
		for _, page := range every() {
			notIsolated(t, render(t, poisoned(page, name)), name)
		}
	}
}

// notIsolated fails for every place where name stands outside of a bdi element
// and beside other text. Single-purpose places (title, text field, option, code)
// hold nothing it could reorder.
func notIsolated(t *testing.T, d document, name string) {
	t.Helper()
	for n := range d.root.Descendants() {
		if n.Type != html.TextNode || !strings.Contains(n.Data, name) {
			continue
		}
		if p := n.Parent.Data; p != "bdi" && p != "title" && p != "code" && p != "textarea" && p != "option" {
			t.Errorf("<%s> holds %q", p, n.Data)
		}
	}
}

func TestPlain(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"text", "Acme Reports", "Acme Reports"},
		{"direction override", "a\u202eb\u2066c\u2069d", "abcd"},
		{"zero-width space", "Rail\u200bway\ufeff", "Railway"},
		{"joiner of an emoji", "👩\u200d💻", "👩\u200d💻"},
		{"non-joiner of Persian", "می\u200cخواهم", "می\u200cخواهم"},
		{"control", "a\x00b\x07", "ab"},
		{"lines and runs of spaces", " a\n\n b\t", "a b"},
		{"longest", strings.Repeat("ä", 300), strings.Repeat("ä", 300)},
		{"too long", strings.Repeat("ä", 301), strings.Repeat("ä", 300) + "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := pages.Plain(tt.in); got != tt.want {
				t.Errorf("Plain(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestWebHost(t *testing.T) {
	tests := []struct{ in, want string }{
		{"https://acme.example/", "acme.example"},
		{"http://acme.example:8080/x", "acme.example:8080"},
		{"https://[::1]:8080/", ""},
		{"https://rаilway.example/", "xn--rilway-3nf.example"},
		{"https://acme.example@evil.test/", ""},
		{"javascript://acme.example/%0aalert(1)", ""},
		{"ftp://acme.example/", ""},
		{"/relative", ""},
		{"https:///path", ""},
	}
	for _, tt := range tests {
		if got := pages.WebHost(tt.in); got != tt.want {
			t.Errorf("WebHost(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// A page that would lead where it must not is not shown at all.
func TestPageWithAHostileAddressIsNotShown(t *testing.T) {
	action, target := sampleSignIn(), sampleSignIn()
	action.Action = "https://evil.test/"
	target.RedirectURI = "javascript:alert(1)"
	manage, switching, post := sampleConsent(), sampleConsent(), sampleFormPost()
	manage.ManageURL = "//evil.test/"
	switching.SwitchAction = ""
	post.RedirectURI = "com.acme.reports:/cb"
	tests := []struct {
		name string
		page pages.Page
		want error
	}{
		{"action elsewhere", action, pages.ErrNotLocal},
		{"redirect to script", target, pages.ErrTarget},
		{"manage page elsewhere", manage, pages.ErrNotLocal},
		{"no switch action", switching, pages.ErrNotLocal},
		{"form_post to an app", post, pages.ErrPostTarget},
		{"unknown complaint", pages.SignIn{Form: sampleForm, Err: &pages.FormError{Errors: []pages.FieldError{{Complaint: "x"}}}}, pages.ErrSentence},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			if err := newRenderer(t).Render(w, http.StatusOK, tt.page); !errors.Is(err, tt.want) {
				t.Errorf("Render() = %v, want %v", err, tt.want)
			}
			if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "<") {
				t.Errorf("answer = %d %q, want a plain 500", w.Code, w.Body)
			}
		})
	}
}

// What comes out for a redirect URI is one policy source, whatever goes in.
func FuzzFormActionSource(f *testing.F) {
	for _, seed := range []string{
		"https://a.example/cb", "com.acme:/cb", "http://[::1]:80/", "https://a;script-src", "https://a,b/", "https://a b/",
		"https://a.example:99999/", "HTTPS://A.example/", "x y:/", "javascript:1", "https://*.example/", "https:/cb", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		source, err := pages.FormActionSource(uri)
		if err != nil || source == "" {
			return
		}
		if strings.ContainsAny(source, " \t\r\n;,'\"*\\") {
			t.Errorf("FormActionSource(%q) = %q", uri, source)
		}
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(source, u.Scheme+":") {
			t.Errorf("FormActionSource(%q) = %q, another scheme", uri, source)
		}
	})
}
