package preset

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

// Bounds of lifetimes.
const (
	longestCode          = 10 * time.Minute               // RFC 6749 §4.1.2
	longestPushedRequest = 10*time.Minute - 1*time.Second // RFC 9126 §2.2
	longestGrace         = time.Hour
	// longest is beyond what anybody means: a lifetime adds to an instant.
	longest = 100 * 365 * 24 * time.Hour
)

// longestBrand is in characters.
const longestBrand = 64

// checker looks for what contradicts itself.
type checker struct {
	Preset
	*strictyaml.Document
}

func (c checker) check() {
	for _, part := range []func(){
		c.checkName, c.checkBrand, c.checkPaths, c.checkPrefixes, c.checkLifetimes, c.checkClients,
		c.checkRegistration, c.checkRefresh, c.checkScopes, c.checkAuthorization, c.checkWorkspaces, c.checkResources,
	} {
		part()
	}
}

// refuse notes a mistake about key where it holds.
//
//nolint:revive // holds is what a rule has found, not a way to control this.
func (c checker) refuse(key string, holds bool, message string) {
	if holds {
		c.Rule(key, errors.New(message))
	}
}

// nameForm matches names that are no text for people.
func nameForm() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`) }

const nameWanted = "want lower-case letters, digits and hyphens, at most 32"

func named(name string) bool { return len(name) <= 32 && nameForm().MatchString(name) }

func (c checker) checkName() {
	c.refuse("name", c.Name == "", "is required")
	c.refuse("name", !named(c.Name), nameWanted)
}

func (c checker) checkBrand() {
	colour := regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)
	c.refuse("brand.name", strings.TrimSpace(c.Brand.Name) == "", "is required: what the platform is called")
	c.refuse("brand.name", strings.ContainsFunc(c.Brand.Name, unicode.IsControl) || utf8.RuneCountInString(c.Brand.Name) > longestBrand,
		"want one line of at most 64 characters: it is part of sentences")
	c.refuse("brand.accent_light", !colour.MatchString(c.Brand.AccentLight), "want a colour as #rrggbb, in quotes")
	c.refuse("brand.accent_dark", !colour.MatchString(c.Brand.AccentDark), "want a colour as #rrggbb, in quotes")
	_, known := MediaType(c.Brand.LogoFile)
	c.refuse("brand.logo_file", c.Brand.LogoFile != "" && !known, "want a file that ends with .svg, .png or .webp")
}

// MediaType is that of a logo file, by the end of its name.
func MediaType(file string) (mediaType string, known bool) {
	mediaType, known = map[string]string{
		".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp",
	}[strings.ToLower(filepath.Ext(file))]
	return mediaType, known
}

// wellFormed says whether a path can be compared with that of a request as it is.
func wellFormed(p string) bool {
	return regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`).MatchString(p) && path.Clean(p) == p
}

// ownPaths are those of pages and administration, which no preset moves.
func ownPaths() []string {
	return []string{
		"/signin", "/account", "/consent", "/developer", "/apps", "/logos", "/assets", "/signout", "/v1",
		wellKnown, "/favicon.ico", "/demo",
	}
}

const wellKnown = "/.well-known"

// endpoint is one of [Paths].
type endpoint struct {
	key, path string
	always    bool // it cannot be left out
}

func (c checker) endpoints() []endpoint {
	p := c.Paths
	return []endpoint{
		{"paths.authorize", p.Authorize, true},
		{"paths.token", p.Token, true},
		{"paths.pushed_authorization_request", p.PushedAuthorization, false},
		{"paths.introspect", p.Introspect, false},
		{"paths.revoke", p.Revoke, false},
		{"paths.validate", p.Validate, false},
		{"paths.userinfo", p.UserInfo, true},
		{"paths.registration", p.Registration, false},
		{"paths.jwks", p.JWKS, true},
	}
}

func (c checker) checkPaths() {
	c.refuse("issuer_path", c.IssuerPath != "" && !wellFormed(c.IssuerPath), "want a path such as /oauth, with a slash before it and none after it")
	c.refuse("issuer_path", within(c.IssuerPath, wellKnown), "cannot be below /.well-known")
	c.Rule("issuer_path", notOwn(c.IssuerPath))
	taken := map[string]string{}
	for _, each := range c.endpoints() {
		c.Rule(each.key, each.check())
		if each.path == "" {
			continue
		}
		if other, ok := taken[each.path]; ok {
			c.Rule(each.key, fmt.Errorf("is the path of %s as well", other))
		}
		taken[each.path] = each.key
		// RFC 7592 §3.
		c.refuse(each.key, c.Paths.Registration != "" && strings.HasPrefix(each.path, c.Paths.Registration+"/"),
			"is below paths.registration, where clients manage themselves")
	}
}

// check refuses what cannot be the path of the endpoint.
func (e endpoint) check() error {
	switch {
	case e.path == "" && e.always:
		return errors.New("is required: this endpoint is always there")
	case e.path == "":
		return nil
	case !wellFormed(e.path):
		return errors.New("want a path such as /oauth/token, with a slash before it and none after it")
	case e.key == "paths.jwks" && e.path == wellKnown+"/"+path.Base(e.path) && !metadata(e.path):
		return nil // where the keys usually are
	case metadata(e.path):
		return errors.New("is where metadata are found (RFC 8414 §3)")
	}
	return notOwn(e.path)
}

// notOwn refuses a path of pages and administration.
func notOwn(p string) error {
	for _, own := range ownPaths() {
		if within(p, own) {
			return fmt.Errorf("is within %s, which has other uses", own)
		}
	}
	return nil
}

// metadata says whether a path is that of a metadata document, whatever the issuer.
func metadata(p string) bool {
	return strings.Contains(p, wellKnown+"/openid-configuration") || strings.Contains(p, wellKnown+"/oauth-authorization-server")
}

// within says whether a path is folder, or below it.
func within(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

func (c checker) checkPrefixes() {
	form := regexp.MustCompile(`^[a-z0-9]{1,16}$`)
	taken := map[string]string{}
	p := c.Prefixes
	for _, each := range []struct{ key, prefix string }{
		{"prefixes.access_token", p.AccessToken},
		{"prefixes.refresh_token", p.RefreshToken},
		{"prefixes.code", p.Code},
		{"prefixes.client_secret", p.ClientSecret},
		{"prefixes.registration_access_token", p.RegistrationToken},
		{"prefixes.initial_access_token", p.InitialAccessToken},
	} {
		c.refuse(each.key, !form.MatchString(each.prefix), "want lower-case letters and digits, at most 16, without an underscore")
		if other, ok := taken[each.prefix]; ok {
			c.Rule(each.key, fmt.Errorf("is the prefix of %s as well", other))
		}
		taken[each.prefix] = each.key
	}
}

func (c checker) checkLifetimes() {
	l := c.Lifetimes
	for _, each := range []struct {
		key      string
		lifetime time.Duration
		most     time.Duration
	}{
		{"access_token", l.AccessToken, LongestAccessToken},
		{"refresh_token", l.RefreshToken, longest},
		{"refresh_absolute", l.RefreshAbsolute, longest},
		{"code", l.Code, longestCode},
		{"pushed_request", l.PushedRequest, longestPushedRequest},
		{"transaction", l.Transaction, longest},
		{"id_token", l.IDToken, longest},
		{"session_idle", l.SessionIdle, longest},
		{"session_absolute", l.SessionAbsolute, longest},
	} {
		c.Rule("lifetimes."+each.key, strictyaml.Within(each.lifetime, time.Second, each.most))
	}
	c.refuse("lifetimes.refresh_absolute", l.RefreshAbsolute < l.RefreshToken, "want no less than lifetimes.refresh_token")
	c.refuse("lifetimes.session_absolute", l.SessionAbsolute < l.SessionIdle, "want no less than lifetimes.session_idle")
}

func (c checker) checkResources() {
	for i, resource := range c.Resources {
		u, err := url.Parse(resource)
		key := fmt.Sprintf("resources[%d]", i)
		c.refuse(key, err != nil || !u.IsAbs() || strings.Contains(resource, "#"), "want an absolute URI without a fragment (RFC 8707 §2)")
		c.refuse(key, slices.Contains(c.Resources[:i], resource), "is there twice")
	}
}

func (c checker) checkAuthorization() {
	const byDefault = "authorization.default_scope"
	a := c.Authorization
	c.checkAsked("authorization.required_scope", a.RequiredScope)
	c.checkAsked(byDefault, a.DefaultScope)
	c.refuse(byDefault, len(a.DefaultScope) > 0 && !a.RequiredScope.SubsetOf(a.DefaultScope), "want authorization.required_scope in it")
	c.refuse(byDefault, len(a.DefaultScope) > 0 && a.ScopeMandatory, "contradicts authorization.scope_mandatory")
}

// checkAsked is about scopes that requests ask for.
func (c checker) checkAsked(key string, asked oauth.Scope) {
	for i, name := range asked {
		item := fmt.Sprintf("%s[%d]", key, i)
		s, known := c.Scopes.Find(name)
		c.refuse(item, !known, "is not one of scopes")
		c.refuse(item, s.Kind == Client, "is of the kind client, which no user grants")
		c.refuse(item, asked[:i].Contains(name), "is there twice")
	}
}
