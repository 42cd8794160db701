package client_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clienttest"
)

func redirect(uris ...string) func(*client.Client) {
	return func(c *client.Client) { c.RedirectURIs = uris }
}

func TestN008_DangerousSchemesAreRefused(t *testing.T) {
	for _, uri := range []string{
		"javascript:alert(1)//", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://app.example/x",
		" javascript:alert(1)//", "java\tscript:alert(1)//", "JavaScript://app.example/%0aalert(1)",
	} {
		t.Run(uri, func(t *testing.T) {
			checkRules(t, []ruleCase{
				{"web", web, redirect("https://app.example/cb", uri), "redirect_uris: "},
				{"native", native, redirect("com.example.app:/cb", uri), "redirect_uris: "},
			})
		})
	}
	checkRules(t, []ruleCase{
		{"private use, native", native, redirect("com.example.app:/cb"), ""},
		{"private use, web", web, redirect("com.example.app:/cb"), "redirect_uris: "},
	})
}

func TestN207_RedirectURIsAreSafe(t *testing.T) {
	refused := []string{
		"http://public.example/", "http://localhost.evil.test/", "https://app.example/cb#x", "https://u:p@app.example/cb",
		"https://*.example/cb", "https://app.example/*", "https://app.example/a/../cb", "https://app.example/%2e%2e/cb",
		"cb", "", "https://app.example/" + strings.Repeat("a", 2048),
	}
	for _, name := range []string{"code", "state", "iss", "error"} {
		refused = append(refused, "https://app.example/cb?"+name+"=1")
	}
	var cases []ruleCase
	for _, uri := range refused {
		cases = append(cases, ruleCase{fmt.Sprintf("%.60q", uri), web, redirect(uri), "redirect_uris: "})
	}
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprintf("https://app.example/cb/%d", i)
	}
	checkRules(t, append(cases,
		ruleCase{"query of its own", web, redirect("https://app.example/cb?tenant=1"), ""},
		ruleCase{"this machine", web, redirect("http://localhost:3000/cb"), ""},
		ruleCase{"scheme without a dot", native, redirect("myapp:/cb"), "redirect_uris: "},
		ruleCase{"20 entries", web, redirect(many[:20]...), ""},
		ruleCase{"21 entries", web, redirect(many...), "redirect_uris must have at most 20"},
		ruleCase{"twice", web, redirect("https://app.example/cb", "https://app.example/cb"), "redirect_uris must not name one twice"},
	))
}

// jwks_uri is refused wherever it leads: see TestN209_N210_NothingIsFetched of internal/registration.
func TestN316_NothingIsOnTheIssuersOrigin(t *testing.T) {
	for _, tt := range []struct {
		issuer       string
		own, another []string
	}{
		{
			"https://id.acme.io",
			[]string{"https://id.acme.io/cb", "https://ID.acme.IO/cb", "HTTPS://id.acme.io:443", "https://id.acme.io:443/oauth/authorize?client_id=x"},
			[]string{"https://app.acme.io/id.acme.io", "https://id.acme.io:8443/cb", "https://acme.io/cb", "https://id.acme.io.app.example/cb", "https://xid.acme.io/cb"},
		},
		{
			"https://ID.acme.io:443/oauth",
			[]string{"https://id.acme.io/cb", "https://id.acme.io/oauth/cb", "https://id.acme.io:443"},
			[]string{"https://id.acme.io:444/oauth"},
		},
		// A browser takes the names of loopback for several origins.
		{
			"http://localhost:8080",
			[]string{"http://localhost:8080/cb", "http://localhost:8080"},
			[]string{"http://localhost:8081/cb", "http://localhost/cb", "http://127.0.0.1:8080/cb", "https://localhost:8080/cb"},
		},
		{
			"http://[::1]:80",
			[]string{"http://[::1]/cb", "http://[::1]:80/cb"},
			[]string{"http://127.0.0.1/cb", "http://localhost/cb"},
		},
		{
			"https://[2001:db8::1]",
			[]string{"https://[2001:DB8:0:0:0:0:0:1]/cb"},
			[]string{"https://[2001:db8::2]/cb"},
		},
	} {
		t.Run(tt.issuer, func(t *testing.T) { checkOrigins(t, tt.issuer, tt.own, tt.another) })
	}
}

// checkOrigins wants each URI of own refused, and each of another accepted, wherever
// a client can have one.
func checkOrigins(t *testing.T, issuer string, own, another []string) {
	t.Helper()
	r := newRegistrar(t)
	r.Policy.Issuer = issuer
	stored, _, err := r.Create(t.Context(), web())
	if err != nil {
		t.Fatal(err)
	}
	for field, set := range map[string]func(c *client.Client, uri string){
		"redirect_uris": func(c *client.Client, uri string) { c.RedirectURIs = append(slices.Clone(c.RedirectURIs), uri) },
		"client_uri":    func(c *client.Client, uri string) { c.ClientURI = uri },
		"logo_uri":      func(c *client.Client, uri string) { c.LogoURI = uri },
		"policy_uri":    func(c *client.Client, uri string) { c.PolicyURI = uri },
		"tos_uri":       func(c *client.Client, uri string) { c.TosURI = uri },
	} {
		try := func(uri, want string) {
			made, changed := web(), stored
			set(&made, uri)
			set(&changed, uri)
			_, _, err := r.Create(t.Context(), made)
			checkInvalid(t, err, want)
			updated, err := r.Update(t.Context(), changed)
			checkInvalid(t, err, want)
			if err == nil {
				stored.Revision = updated.Revision
			}
		}
		for _, uri := range own {
			try(uri, field+" must not be on http")
		}
		for _, uri := range another {
			try(uri, "")
		}
	}
}

// A dot at the end leads to the same server; redirect URIs have none.
func TestN316_ADotAtTheEndChangesNothing(t *testing.T) {
	r := newRegistrar(t)
	r.Policy.Issuer = "https://id.acme.io"
	for uri, want := range map[string]string{
		"https://id.acme.io./logo.png":  "logo_uri must not be on https://id.acme.io, which is the issuer's own origin",
		"https://app.acme.io./logo.png": "",
	} {
		c := web()
		c.LogoURI = uri
		_, _, err := r.Create(t.Context(), c)
		checkInvalid(t, err, want)
	}
}

// The demo alone is at the issuer's origin, where there is one.
func TestN316_TheDemoHasItsOwnPathAlone(t *testing.T) {
	const refused = "client_uri must not be on http://localhost:8080, which is the issuer's own origin"
	for demo, wants := range map[string]map[string]string{
		"": {"/demo": refused, "/demo/cb": refused},
		"/demo": {
			"/demo": "", "/demo/cb": "",
			"/demos": refused, "/demos/cb": refused, "/demo/../cb": refused, "/demo/%2e%2e/cb": refused, "/cb": refused, "": refused,
		},
	} {
		r := newRegistrar(t)
		r.Policy.Issuer, r.Policy.Demo = "http://localhost:8080", demo
		for path, want := range wants {
			c := web()
			c.ClientURI = "http://localhost:8080" + path
			_, _, err := r.Create(t.Context(), c)
			checkInvalid(t, err, want)
		}
	}
}

func TestN208_KeysArePublicAndStrong(t *testing.T) {
	good := clienttest.PublicKeys(t)
	member := good[len(`{"keys":[`) : len(good)-len(`]}`)]
	rsa := func(modulus string) string {
		return `{"keys":[{"kty":"RSA","alg":"RS256","kid":"a","e":"AQAB","n":"` + modulus + `"}]}`
	}
	keys := func(doc string) func(*client.Client) {
		return func(c *client.Client) { c.TokenEndpointAuthMethod, c.JWKS = oauth.AuthPrivateKeyJWT, doc }
	}
	checkRules(t, []ruleCase{
		{"public", web, keys(good), ""},
		{"private", web, keys(strings.Replace(good, `"kty"`, `"d":"AQ","kty"`, 1)), "invalid jwks"},
		{"symmetric", web, keys(`{"keys":[{"kty":"oct","alg":"HS256","k":"AQ","kid":"a"}]}`), "invalid jwks"},
		{"RSA of 2048 bits", web, keys(rsa(strings.Repeat("_", 341) + "w")), ""},
		{"RSA of 1024 bits", web, keys(rsa(strings.Repeat("_", 170) + "8")), "invalid jwks"},
		{"10,000 keys", web, keys(`{"keys":[` + strings.Repeat(`{},`, 9999) + `{}]}`), "invalid jwks"},
		{"one kid twice", web, keys(`{"keys":[` + member + `,` + member + `]}`), "invalid jwks"},
		{"not JSON", web, keys("keys"), "invalid jwks"},
		{"private, not in use yet", web, func(c *client.Client) { c.JWKS = strings.Replace(good, `"kty"`, `"d":"AQ","kty"`, 1) }, "invalid jwks"},
	})
}

func TestN093_NamesReadAsTheyAreWritten(t *testing.T) {
	named := func(name string) func(*client.Client) {
		return func(c *client.Client) { c.ClientName = name }
	}
	var cases []ruleCase
	for _, name := range []string{
		"", " ", "…", "-", "Example ", " Example", "Two  spaces", "No-break\u00a0space", "Thin\u2009space", "Line\nbreak", "Tab\tulator", "Nul\x00",
		"R\u0430ilway", "Railw\u0430y Tools", "\u039fracle", "e\u0445ample", "Tab\u2028le", "\ue000rivate",
		"Over\u202eride", "Iso\u2066late", "Mark\u200eed", "Zero\u200bwidth", "Join\u200der", "Bom\ufeff", "Soft\u00adhyphen",
		"Fill\u3164er", "Braille\u2800", "Tag\U000e0041", "Select\ufe0f", "Grapheme\u034fjoiner",
		"Cafe\u0301", "Z\u0335\u0335\u0335\u0335\u0335algo", "\u0335Mark first", "broken\xff",
		strings.Repeat("a", 121), strings.Repeat("a", 10<<10), strings.Repeat("名", 121),
	} {
		cases = append(cases, ruleCase{fmt.Sprintf("%.40q", name), web, named(name), "client_name must"})
	}
	for _, name := range []string{
		"Railway", "Café", "Пример", "Пример Tools", "名前 アプリ", "תוכנה", "हिन्दी", "R2-D2 (beta), v1.0!", "🦊 Fox", "a",
		"Z\u0335\u0335\u0335\u0335", strings.Repeat("a", 120), strings.Repeat("名", 120),
	} {
		cases = append(cases, ruleCase{fmt.Sprintf("%.40q", name), web, named(name), ""})
	}
	checkRules(t, cases)
}

func TestN093_UnverifiedClientsDoNotBearThePlatformsName(t *testing.T) {
	unverified := func(name string) func(*client.Client) {
		return func(c *client.Client) { c.ClientName, c.Vetted = name, false }
	}
	checkRules(t, []ruleCase{
		{"sign in to the platform", web, unverified("Sign in to CHANCERY"), "client_name of an unverified client"},
		{"platform in wide letters", web, unverified("Sign in to \uff23\uff28\uff21\uff2e\uff23\uff25\uff32\uff39"), "client_name of an unverified client"},
		{"platform in bold letters", web, unverified("\U0001d402hancery"), "client_name of an unverified client"},
		{"another name", web, unverified("Sign in to Example"), ""},
		{"verified", web, func(c *client.Client) { c.ClientName = "Chancery CLI" }, ""},
	})
}

// Letters of one alphabet can look like those of another, and two like one.
func TestN093_NothingLooksLikeThePlatformsName(t *testing.T) {
	for brand, names := range map[string]map[string]bool{
		"Apoc":   {"\u0410\u0440\u043e\u0441": false, "\u0410\u0440\u043e\u0441 Login": false, "\u0410\u0440\u043e\u0434": true},
		"Modern": {"MODEM": false, "Modem Team": false, "Model": true},
		"Paypal": {"PaypaI": false, "The Paypa1 Team": false, "Pay Pal": true},
	} {
		r := newRegistrar(t)
		r.Policy.Brand = brand
		for name, want := range names {
			c := web()
			c.ClientName, c.Vetted = name, false
			_, _, err := r.Create(t.Context(), c)
			if (err == nil) != want {
				t.Errorf("%q beside %q: %v", name, brand, err)
			}
			if err != nil {
				checkInvalid(t, err, "client_name of an unverified client")
			}
			c.Vetted = true
			if _, _, err := r.Create(t.Context(), c); err != nil {
				t.Errorf("%q beside %q of the operators: %v", name, brand, err)
			}
		}
	}
}

// What names look like is stored. When another table of look-alikes changes it, a
// migration has to empty the column name_skeleton.
func TestN093_WhatNamesLookLikeIsStored(t *testing.T) {
	all := sha256.New()
	for r := ' '; r < '\u3000'; r++ {
		all.Write(client.Client{ClientName: string(r)}.NameSkeleton())
	}
	const want = "1d997a231d8a53cc7596a89798db68acda196feecda15ee984e4b3aa7e813ff5"
	if got := hex.EncodeToString(all.Sum(nil)); got != want {
		t.Errorf("what names look like is %s, want %s", got, want)
	}
}

// Whoever registers itself is looked at by nobody, also where the preset counts it
// as vetted.
func TestN093_ClientsThatRegisterThemselvesDoNotBearThePlatformsName(t *testing.T) {
	r := newRegistrar(t)
	r.Policy.Registration.Vetted = true
	c := alone()
	c.ClientName = "Chancery Security Team"
	_, _, err := r.Register(t.Context(), c)
	checkInvalid(t, err, "client_name of an unverified client, or of one that a workspace owns or that registered itself")
	c.ClientName = "Security Team"
	if c, _, err = r.Register(t.Context(), c); err != nil || !c.Vetted {
		t.Fatalf("Register() = vetted %v, %v", c.Vetted, err)
	}
	c.ClientName = "Chancery Security Team"
	_, _, err = r.Replace(t.Context(), c)
	checkInvalid(t, err, "client_name of an unverified client")
	_, err = r.Update(t.Context(), c)
	checkInvalid(t, err, "client_name of an unverified client")
}

// A name that is registered has one reading: it is in form C, printable, and
// within its length.
func FuzzClientName(f *testing.F) {
	for _, seed := range []string{"Railway", "R\u0430ilway", "Cafe\u0301", "Over\u202eride", "\u0335"} {
		f.Add(seed)
	}
	r := newRegistrar(f)
	f.Fuzz(func(t *testing.T, name string) {
		c := web()
		c.ClientName = name
		_, _, err := r.Create(t.Context(), c)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("Create(%q) = %v", name, err)
			}
			return
		}
		if !utf8.ValidString(name) || !norm.NFC.IsNormalString(name) || utf8.RuneCountInString(name) > 120 ||
			strings.ContainsAny(name, "\x00\n\r\t\u200b\u200d\u202e\ufeff") {
			t.Errorf("Create(%q) succeeded", name)
		}
	})
}
