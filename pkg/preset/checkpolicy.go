package preset

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

func (c checker) checkClients() {
	c.checkDefaults("clients.web", c.Clients.Web)
	c.checkDefaults("clients.native", c.Clients.Native)
	// RFC 8252 §8.5.
	c.refuse("clients.native.token_endpoint_auth_method", c.Clients.Native.TokenEndpointAuthMethod != oauth.AuthNone,
		"want none: a program on the user's device keeps no secret")
	for i, kind := range c.Clients.Kinds {
		key := fmt.Sprintf("clients.kinds[%d]", i)
		c.refuse(key+".name", kind.Name == "", "is required")
		c.refuse(key+".name", !named(kind.Name), nameWanted)
		c.refuse(key+".name", hasKind(c.Clients.Kinds[:i], kind.Name), "is there twice")
		c.checkOwnLifetime(key+".access_token", kind.AccessToken, LongestAccessToken)
		c.checkOwnLifetime(key+".refresh_token", kind.RefreshToken, c.Lifetimes.RefreshAbsolute)
		c.Rule(key+".window", kind.Window.check())
		c.checkKindsWindow(key, kind)
	}
}

// checkKindsWindow looks at what holds for the kind, if one of the two is its own.
func (c checker) checkKindsWindow(key string, kind ClientKind) {
	lifetime := cmp.Or(kind.RefreshToken, c.Lifetimes.RefreshToken)
	switch {
	case kind.Window != WindowAuto:
		c.Rule(key+".window", kind.Window.fits(lifetime))
	case kind.RefreshToken != 0:
		c.Rule(key+".refresh_token", c.Refresh.Window.fits(lifetime))
	}
}

// checkOwnLifetime leaves 0s for none of its own.
func (c checker) checkOwnLifetime(key string, lifetime, most time.Duration) {
	c.Rule(key, strictyaml.Within(lifetime, 0, most))
	c.refuse(key, 0 < lifetime && lifetime < time.Second, "want at least 1s, or 0s for none of its own")
}

func hasKind(kinds []ClientKind, name string) bool {
	return slices.ContainsFunc(kinds, func(k ClientKind) bool { return k.Name == name })
}

func (c checker) checkDefaults(key string, d ClientDefaults) {
	c.refuse(key+".token_endpoint_auth_method", !oauth.AuthMethodKnown(d.TokenEndpointAuthMethod),
		"want client_secret_basic, client_secret_post, private_key_jwt or none")
	types := []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials}
	for i, grantType := range d.GrantTypes {
		item := fmt.Sprintf("%s.grant_types[%d]", key, i)
		c.refuse(item, !slices.Contains(types, grantType), "want authorization_code, refresh_token or client_credentials")
		c.refuse(item, slices.Contains(d.GrantTypes[:i], grantType), "is there twice")
	}
	c.refuse(key+".grant_types", !slices.Contains(d.GrantTypes, oauth.GrantAuthorizationCode),
		"want authorization_code among them: it is what redirect URIs are for")
	// RFC 6749 §4.4.
	c.refuse(key+".grant_types", d.TokenEndpointAuthMethod == oauth.AuthNone && slices.Contains(d.GrantTypes, oauth.GrantClientCredentials),
		"client_credentials is for clients with credentials")
	c.refuse(key+".require_pkce", c.Clients.PKCEMandatory && !d.RequirePKCE, "contradicts clients.pkce_mandatory")
}

func (c checker) checkRegistration() {
	r := c.Registration
	c.refuse("registration.mode", r.Mode != RegistrationOff && c.Paths.Registration == "", "needs paths.registration")
	c.refuse("registration.client_kind", r.ClientKind != "" && !hasKind(c.Clients.Kinds, r.ClientKind), "is not one of clients.kinds")
	c.Rule("registration.max_clients", strictyaml.Within(r.MaxClients, 1, 1_000_000_000))
	c.Rule("registration.per_hour", strictyaml.Within(r.PerHour, 1, 1_000_000))
}

// The policies of rotation.
const (
	always    = "always"
	threshold = "threshold"
	never     = "never"
)

func (c checker) checkRefresh() {
	r := c.Refresh
	c.refuse("refresh.confidential", !slices.Contains([]string{always, threshold, never}, r.Confidential), "want always, threshold or never")
	// RFC 9700 §2.2.2.
	c.refuse("refresh.public", r.Public == never, "never is for clients with credentials: a stolen token would stay good, unnoticed")
	c.refuse("refresh.public", !slices.Contains([]string{always, threshold}, r.Public), "want always or threshold")
	c.Rule("refresh.threshold", strictyaml.Within(r.Threshold, 0, 1))
	c.Rule("refresh.grace", strictyaml.Within(r.Grace, 0, longestGrace))
	c.Rule("refresh.window", r.Window.check())
	c.Rule("refresh.window", r.Window.fits(c.Lifetimes.RefreshToken))
	c.Rule("refresh.max_families", strictyaml.Within(r.MaxFamilies, 1, 1_000_000))
	c.refuse("refresh.unasked", r.Unasked && r.NeedsPromptConsent,
		"contradicts refresh.needs_prompt_consent: a scope that is never asked for needs no prompt")
}

func (c checker) checkScopes() {
	openID, _ := c.Scopes.Find("openid")
	// OIDC Core §3.1.2.1.
	c.refuse("scopes", openID.Kind != Identity, "want openid among them, of the kind identity: ID tokens need it")
	for i, s := range c.Scopes {
		key := fmt.Sprintf("scopes[%d]", i)
		_, twice := c.Scopes[:i].Find(s.Name)
		c.Rule(key+".name", checkScopeName(s.Name))
		c.refuse(key+".name", twice, "is there twice")
		c.refuse(key+".description", strings.TrimSpace(s.Description) == "", "is required: a sentence for the consent page")
		c.refuse(key+".group", strings.TrimSpace(s.Group) == "", "is required: the heading on the consent page")
		c.refuse(key+".kind", s.Kind == "", "is required: identity, api, workspace, project or client")
		c.checkMeaning(key+".kind", s)
		c.checkLevel(key+".level", s)
		c.checkClaims(key+".claims", s)
		c.checkImplies(key+".implies", s)
	}
}

// checkImplies keeps one scope from standing for more than it says: what it
// implies opens the same kind of thing, and no more of it.
func (c checker) checkImplies(key string, s Scope) {
	for i, name := range s.Implies {
		item := fmt.Sprintf("%s[%d]", key, i)
		implied, known := c.Scopes.Find(name)
		c.refuse(item, !known, "is not one of scopes")
		c.refuse(item, name == s.Name, "is the scope itself")
		c.refuse(item, slices.Contains(s.Implies[:i], name), "is there twice")
		c.refuse(item, known && implied.Kind != s.Kind, "is of another kind")
		c.refuse(item, known && implied.Level > s.Level, "has a higher level")
		c.refuse(item, known && name != s.Name && c.Scopes.Implied(implied.Implies).Contains(s.Name), "implies this one in turn")
	}
}

// checkScopeName is RFC 6749 §3.3.
func checkScopeName(name string) error {
	switch name {
	case "":
		return errors.New("is required")
	case "-":
		return errors.New("is reserved: grants that permit nothing have it")
	}
	if scope, err := oauth.ParseScope(name); err != nil || len(scope) != 1 || len(name) > 128 {
		return errors.New("want a scope token: printable ASCII without space, quotation mark or backslash, at most 128")
	}
	return nil
}

// checkMeaning keeps scopes that have a meaning of their own to the kind that it
// needs. Were a right of clients one that users grant, then every app that
// registered itself could have it.
func (c checker) checkMeaning(key string, s Scope) {
	c.refuse(key, s.Name == "offline_access" && s.Kind != "" && s.Kind != Identity,
		"want identity: offline_access is the user's to give, and opens no resource (OIDC Core §11)")
	c.refuse(key, s.Name == "introspect" && s.Kind != "" && s.Kind != Client,
		"want client: a client that has introspect may ask about tokens of others, which no user can allow")
}

func (c checker) checkLevel(key string, s Scope) {
	selective := s.Kind == Workspace || s.Kind == Project
	c.refuse(key, selective && s.Level == role.None, "is required for the kind "+string(s.Kind)+": viewer, member or admin")
	c.refuse(key, !selective && s.Kind != "" && s.Level != role.None, "is for the kinds workspace and project alone")
}

// checkClaims refuses claims that are the token's own to say, and not of the user
// (OIDC Core §2).
func (c checker) checkClaims(key string, s Scope) {
	c.refuse(key, s.Kind != Identity && s.Kind != "" && len(s.Claims) > 0, "are for the kind identity alone")
	own := []string{
		"", "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "auth_time", "acr", "amr", "azp", "at_hash", "c_hash", "sid",
	}
	for i, claim := range s.Claims {
		item := fmt.Sprintf("%s[%d]", key, i)
		c.refuse(item, slices.Contains(own, claim), "is not a claim about the user that a scope opens")
		c.refuse(item, slices.Contains(s.Claims[:i], claim), "is there twice")
	}
}

func (c checker) checkWorkspaces() {
	c.refuse("consent.single_workspace", c.Consent.SingleWorkspace && len(c.Scopes.Names(Workspace)) == 0,
		"needs a scope of the kind workspace")
	known := strings.NewReplacer("{issuer}", "", "{id}", "", "{slug}", "").Replace(c.Validate.WorkspaceURL)
	c.refuse("validate.workspace_url", regexp.MustCompile(`[{}]`).MatchString(known), "want no other placeholder than {issuer}, {id} and {slug}")
}
