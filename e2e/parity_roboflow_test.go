package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// What the documentation of "Sign in with Roboflow" says, as docs/parity.md counts
// it.
func TestRoboflow(t *testing.T) {
	hold(t, "roboflow", []fact{
		{"F01 the issuer is the host, with two discovery documents and the keys", roboflowIssuer},
		{"F02 endpoints have the documented paths", roboflowPaths},
		{"F04 every scope asked for is on the app's list", roboflowAllowedScopes},
		{"F05 client secrets begin with rfcs_ and are shown once", roboflowSecret},
		{"F06 internal apps are for members of their workspace", roboflowInternal},
		{"F07 unlisted apps are for anyone with the link", roboflowUnlisted},
		{"F08 public apps are listed in the directory", roboflowPublic},
		{"F09 redirect URIs are https, and http for this machine only", roboflowRedirectSchemes},
		{"F10 redirect URIs match exactly", roboflowRedirectExact},
		{"F11 public clients may have a private-use scheme", roboflowPrivateUse},
		{"F12 PKCE is required of all, S256, with a verifier of 43 to 128 characters", roboflowPKCE},
		{"F13 access tokens begin with rfoa_ and live an hour", roboflowAccessTokens},
		{"F14 those of MCP clients live 24 hours", roboflowMCP},
		{"F15 refresh tokens live 30 days, and need no offline_access", roboflowRefreshTokens},
		{"F16 an id_token when openid is asked for, signed with RS256", roboflowIDToken},
		{"F17 validate tells about the token that is shown, without client credentials", roboflowValidate},
		{"F18 validate answers 200 for a dead token", roboflowValidateDead},
		{"F19 revocation needs the token alone", roboflowRevoke},
		{"F20 userinfo needs openid, and follows the scopes", roboflowUserInfo},
		{"F21 F22 one workspace is chosen, and the token is bound to it", roboflowOneWorkspace},
		{"F23 the scopes are the documented ones", roboflowScopes},
		{"F25 the documented requests work as they are printed", roboflowAsPrinted},
	})
}

func roboflowIssuer(t *testing.T, p *standIn) {
	same(t, "issuer", any(p.s.origin()), p.discovery["issuer"])
	same(t, "jwks_uri", p.s.origin()+"/.well-known/jwks.json", p.endpoint(t, "jwks_uri"))
	status, body := p.get(t, p.s.origin()+"/.well-known/oauth-authorization-server", "")
	same(t, "status", http.StatusOK, status)
	same(t, "issuer", any(p.s.origin()), decode[map[string]any](t, body)["issuer"])
}

func roboflowPaths(t *testing.T, p *standIn) {
	for member, path := range map[string]string{
		"authorization_endpoint": "/oauth/authorize",
		"token_endpoint":         "/oauth/token",
		"revocation_endpoint":    "/oauth/revoke",
		"introspection_endpoint": "/oauth/introspect",
		"userinfo_endpoint":      "/oauth/userinfo",
		"registration_endpoint":  "/oauth/register",
	} {
		same(t, member, p.s.origin()+path, p.endpoint(t, member))
	}
	status, _ := p.get(t, p.s.origin()+"/oauth/validate", "")
	same(t, "validate", http.StatusOK, status)
}

func roboflowAllowedScopes(t *testing.T, p *standIn) {
	r := p.party(t, "openid project:read", "--scope", "openid project:read")
	same(t, "a scope that is not on the list", "invalid_scope", r.refused(t, r.link(url.Values{"scope": {"openid image:read"}})))
	r.authorizeOne(t)
}

// authorizeOne authorizes with the first workspace.
func (r *party) authorizeOne(t testing.TB) *oauth2.Token {
	t.Helper()
	return r.sharing(t, []string{r.p.s.Demo.Workspaces[0].ID}, nil)
}

func roboflowSecret(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	same(t, "token_endpoint_auth_method", "client_secret_post", p.client(t, r.ClientID).TokenEndpointAuthMethod)
	if !strings.HasPrefix(r.ClientSecret, "rfcs_") {
		t.Errorf("the secret begins with %.5s", r.ClientSecret)
	}
	for _, shown := range [][]byte{
		p.s.chancery(t, "client", "get", r.ClientID, "--json"), p.s.chancery(t, "client", "secret", "list", r.ClientID, "--json"),
	} {
		if strings.Contains(string(shown), r.ClientSecret) {
			t.Error("the secret is shown again")
		}
	}
	basic := p.party(t, "openid", "--auth-method", "client_secret_basic")
	basic.authorize(t)
	r.authorize(t)
}

// stranger is a user who is a member of the second demo workspace only.
func (p *standIn) stranger(t testing.TB) *person {
	t.Helper()
	const password = "correct horse battery staple"
	name := fmt.Sprintf("stranger-%d", time.Now().UnixNano())
	made, err := p.s.try(password+"\n", "user", "create", "--username", name, "--password-stdin", "--json")
	if err != nil {
		t.Fatal(err)
	}
	sub := decode[struct{ Sub string }](t, made).Sub
	p.s.chancery(t, "member", "create", "--workspace", p.s.Demo.Workspaces[1].ID, "--subject", sub, "--role", "member")
	s := *p.s
	s.Demo.User.Username, s.Demo.User.Password, s.Demo.User.Sub = name, password, sub
	return newPerson(t, &s)
}

// owned registers an app of the first demo workspace.
func (p *standIn) owned(t testing.TB, name, visibility string) *party {
	t.Helper()
	return p.party(t, "openid", "--workspace", p.s.Demo.Workspaces[0].ID, "--visibility", visibility, "--name", name)
}

func roboflowInternal(t *testing.T, p *standIn) {
	r := p.owned(t, "Backstage", "internal")
	r.authorize(t) // the demo user is a member
	outsider := p.stranger(t)
	at := outsider.open(r.begin().link)
	for at.status == http.StatusSeeOther || strings.HasSuffix(at.action, "/signin") {
		if strings.Contains(at.text, "Backstage") {
			t.Error("the sign-in page names the app")
		}
		if at.status == http.StatusSeeOther {
			at = outsider.open(at.location)
			continue
		}
		at = outsider.signIn(at)
	}
	if at.status != http.StatusForbidden || strings.Contains(at.text, "Backstage") {
		t.Errorf("the outsider gets %d: %s", at.status, at.text)
	}
}

func roboflowUnlisted(t *testing.T, p *standIn) {
	r := p.owned(t, "By link", "unlisted")
	r.person = p.stranger(t)
	r.authorize(t)
	if page := r.person.open("/apps"); strings.Contains(page.text, "By link") {
		t.Error("the directory lists an unlisted app")
	}
}

func roboflowPublic(t *testing.T, p *standIn) {
	r := p.owned(t, "For everybody", "public")
	r.person = p.stranger(t)
	r.authorize(t)
	if page := newPerson(t, p.s).open("/apps"); page.status != http.StatusOK || !strings.Contains(page.text, "For everybody") {
		t.Errorf("the directory answers %d: %s", page.status, page.text)
	}
}

// registers reports whether an app with the redirect URI can be registered.
func (p *standIn) registers(uri string, flags ...string) bool {
	_, err := p.s.try("", append([]string{"client", "create", "--name", "Redirect", "--redirect-uri", uri}, flags...)...)
	return err == nil
}

func roboflowRedirectSchemes(t *testing.T, p *standIn) {
	for uri, want := range map[string]bool{
		"https://yourapp.com/oauth/callback":   true,
		"http://localhost:3001/oauth/callback": true,
		"http://127.0.0.1:3001/oauth/callback": true,
		"http://[::1]:3001/oauth/callback":     true,
		"http://yourapp.com/oauth/callback":    false,
		"http://localhost.evil.test/callback":  false,
	} {
		same(t, uri, want, p.registers(uri))
	}
}

func roboflowRedirectExact(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	for _, uri := range []string{callback + "/", "https://app.example:443/callback", callback + "?a=b"} {
		same(t, uri, "page", r.refused(t, r.link(url.Values{"redirect_uri": {uri}})))
	}
	r.authorize(t)
}

func roboflowPrivateUse(t *testing.T, p *standIn) {
	const uri = "scout://oauth/callback"
	if p.registers(uri) {
		t.Error("a web app has a private-use scheme")
	}
	r := p.party(t, "openid", "--type", "native", "--redirect-uri", uri)
	r.authorize(t)
}

func roboflowPKCE(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	none := url.Values{"code_challenge": {""}, "code_challenge_method": {""}}
	same(t, "without a challenge", "invalid_request", r.refused(t, r.link(none)))
	same(t, "plain", "invalid_request", r.refused(t, r.link(url.Values{"code_challenge_method": {"plain"}})))
	if _, err := p.s.try("", "client", "create", "--name", "Lax", "--redirect-uri", callback, "--no-require-pkce"); err == nil {
		t.Error("a client may be registered without PKCE")
	}
	for length, want := range map[int]bool{42: false, 43: true, 128: true, 129: false} {
		verifier := strings.Repeat("v", length)
		try := r.begin()
		try.link = r.link(url.Values{"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}})
		_, err := r.Exchange(t.Context(), r.person.authorize(try.link).Get("code"), oauth2.VerifierOption(verifier))
		same(t, fmt.Sprintf("a verifier of %d characters", length), want, err == nil)
	}
}

func roboflowAccessTokens(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	token := r.authorize(t)
	if !strings.HasPrefix(token.AccessToken, "rfoa_") || strings.Count(token.AccessToken, ".") == 2 {
		t.Errorf("the access token begins with %.5s", token.AccessToken)
	}
	same(t, "expires_in", 3600.0, token.Extra("expires_in").(float64))
}

func roboflowMCP(t *testing.T, p *standIn) {
	byHand := p.party(t, "openid", "--kind", "mcp")
	same(t, "expires_in", 86400.0, byHand.authorize(t).Extra("expires_in").(float64))
	// An MCP client registers itself.
	c := p.register(t, map[string]any{
		"client_name": "Model context", "redirect_uris": []string{"http://localhost:6274/callback"},
		"token_endpoint_auth_method": "none", "application_type": "native",
	})
	r := &party{app: newApp(t, p.s, "openid"), p: p, person: newPerson(t, p.s)}
	r.ClientID, r.ClientSecret, r.RedirectURL = c.ClientID, "", "http://localhost:6274/callback"
	r.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	same(t, "expires_in", 86400.0, r.authorize(t).Extra("expires_in").(float64))
}

func roboflowRefreshTokens(t *testing.T, p *standIn) {
	same(t, "lifetime", 30*24*time.Hour, presetOf(t, "roboflow").Lifetimes.RefreshToken)
	r := p.party(t, "openid project:read")
	token := r.authorizeOne(t)
	next, err := r.refresh(t, token.RefreshToken)
	if err != nil {
		t.Fatalf("refresh without offline_access: %v", err)
	}
	if got := r.active(t, next.AccessToken); !got.Active || len(got.Workspaces) != 1 {
		t.Errorf("the new token: %+v", got)
	}
}

func roboflowIDToken(t *testing.T, p *standIn) {
	r := p.party(t, "openid profile email")
	try := r.begin()
	token := r.tokens(t, p.s, try, r.person.authorize(try.link))
	checkIDToken(t, p.s, r.app, try, token) // verifies the signature with the published keys
	raw, _ := token.Extra("id_token").(string)
	header, _, _ := strings.Cut(raw, ".")
	same(t, "alg", any("RS256"), decodeSegment(t, header)["alg"])
	claims := idTokenClaims(t, token)
	for _, name := range []string{"sub", "name", "email"} {
		if claims[name] == nil {
			t.Errorf("the ID token has no identity claim %s", name)
		}
	}
	without := p.party(t, "project:read")
	if token := without.authorizeOne(t); token.Extra("id_token") != nil {
		t.Error("an id_token without openid")
	}
}

// validity is the answer of the validate endpoint.
type validity struct {
	Active       bool     `json:"active"`
	Exp          *int64   `json:"exp"`
	WorkspaceURL *string  `json:"workspace_url"`
	Scopes       []string `json:"scopes"`
}

func (p *standIn) validate(t testing.TB, token string) validity {
	t.Helper()
	status, body := p.get(t, p.s.origin()+"/oauth/validate", token)
	same(t, "status of validate", http.StatusOK, status)
	return decode[validity](t, body)
}

func roboflowValidate(t *testing.T, p *standIn) {
	r := p.party(t, "workspace:read project:read")
	got := p.validate(t, r.authorizeOne(t).AccessToken)
	if !got.Active || got.Exp == nil || *got.Exp <= time.Now().Unix() {
		t.Errorf("validate = %+v", got)
	}
	same(t, "scopes", []string{"workspace:read", "project:read"}, got.Scopes)
	slug := slugOf(t, p.s, p.s.Demo.Workspaces[0].ID)
	if got.WorkspaceURL == nil || *got.WorkspaceURL != slug {
		t.Errorf("workspace_url is not %q: %+v", slug, got)
	}
}

// slugOf is the name of a workspace in addresses.
func slugOf(t testing.TB, s *server, id string) string {
	t.Helper()
	list := decode[struct {
		Workspaces []struct {
			WorkspaceID string `json:"workspace_id"`
			Slug        string `json:"slug"`
		}
	}](t, s.chancery(t, "workspace", "list", "--json"))
	for _, w := range list.Workspaces {
		if w.WorkspaceID == id && w.Slug != "" {
			return w.Slug
		}
	}
	t.Fatalf("no slug of %s in %+v", id, list)
	return ""
}

func roboflowValidateDead(t *testing.T, p *standIn) {
	r := p.party(t, "project:read")
	token := r.authorizeOne(t)
	status, _ := p.form(t, p.endpoint(t, "revocation_endpoint"), url.Values{"token": {token.AccessToken}})
	same(t, "revocation", http.StatusOK, status)
	for _, dead := range []string{token.AccessToken, "rfoa_garbage", ""} {
		status, body := p.get(t, p.s.origin()+"/oauth/validate", dead)
		same(t, "status", http.StatusOK, status)
		same(t, "answer", `{"active":false,"exp":null,"workspace_url":null,"scopes":[]}`, strings.TrimSpace(string(body)))
	}
}

func roboflowRevoke(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	first, second := r.authorize(t), r.authorize(t)
	revoke := func(token string) {
		t.Helper()
		status, body := p.form(t, p.endpoint(t, "revocation_endpoint"), url.Values{"token": {token}})
		if status != http.StatusOK {
			t.Errorf("revocation answers %d: %s", status, body)
		}
	}
	revoke(first.AccessToken)
	if p.validate(t, first.AccessToken).Active {
		t.Error("the revoked access token is active")
	}
	revoke(second.RefreshToken)
	if _, err := r.refresh(t, second.RefreshToken); err == nil {
		t.Error("the revoked refresh token is good")
	}
}

func roboflowUserInfo(t *testing.T, p *standIn) {
	for scope, want := range map[string][]string{
		"openid":               {"sub"},
		"openid email":         {"email", "sub"},
		"openid profile":       {"name", "picture", "sub"},
		"openid profile email": {"email", "name", "picture", "sub"},
	} {
		r := p.party(t, scope)
		same(t, scope, want, claimNames(r.userinfo(t, r.authorize(t).AccessToken)))
	}
	r := p.party(t, "project:read")
	status, _ := p.get(t, p.endpoint(t, "userinfo_endpoint"), r.authorizeOne(t).AccessToken)
	same(t, "without openid", http.StatusForbidden, status)
}

func roboflowOneWorkspace(t *testing.T, p *standIn) {
	r := p.party(t, "openid project:read", "--client-uri", "https://homepage.example/")
	shown, _ := r.consent(t)
	for _, text := range []string{"Parity", "homepage.example", p.s.Demo.Workspaces[0].Name, p.s.Demo.Workspaces[1].Name} {
		if !strings.Contains(shown.text, text) {
			t.Errorf("the page does not say %s: %s", text, shown.text)
		}
	}
	both := []string{p.s.Demo.Workspaces[0].ID, p.s.Demo.Workspaces[1].ID}
	if at := r.person.share(shown, both, nil); at.status == http.StatusSeeOther {
		t.Errorf("two workspaces are accepted: %s", at.location)
	}
	for _, id := range both {
		got := r.active(t, r.sharing(t, []string{id}, nil).AccessToken)
		if len(got.Workspaces) != 1 || got.Workspaces[0].ID != id {
			t.Errorf("the token is bound to %+v, want %s", got.Workspaces, id)
		}
	}
}

func roboflowScopes(t *testing.T, p *standIn) {
	documented := strings.Fields(`openid profile email
		workspace:read project:create project:read project:update image:create image:read image:tag image:annotate
		model:infer model:deploy model:manage model-eval:read workflow:create workflow:read workflow:update
		version:create version:read version:update training-job:create folder:create folder:read folder:update folder:delete
		device:read device:update vision-events:read vision-events:write vision-events:manage annotation-job:create annotation-job:read
		video-inference-job:create video-inference-job:read integration:create integration:delete
		credentials:create credentials:read credentials:update credentials:delete data-staging:read data-staging:write data-staging:delete
		batch-processing:read batch-processing:trigger batch:read workspace-stats:read offline_access`)
	r := p.party(t, strings.Join(documented, " "))
	granted := strings.Fields(fmt.Sprint(r.authorizeOne(t).Extra("scope")))
	for _, scope := range documented {
		if !slices.Contains(granted, scope) {
			t.Errorf("%s is not granted", scope)
		}
	}
	same(t, "scopes that users grant", len(documented), len(presetOf(t, "roboflow").Scopes.Grantable()))
}

// The requests of the getting-started page, member by member.
func roboflowAsPrinted(t *testing.T, p *standIn) {
	r := p.party(t, "openid profile email workspace:read", "--redirect-uri", "https://yourapp.com/callback")
	at, try := r.consent(t)
	at = r.person.share(at, []string{p.s.Demo.Workspaces[0].ID}, nil)
	for at.status == http.StatusSeeOther && strings.HasPrefix(at.location, "/") {
		at = r.person.open(at.location)
	}
	status, body := p.form(t, p.s.origin()+"/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {r.ClientID}, "client_secret": {r.ClientSecret},
		"code": {r.person.answer(at.location).Get("code")}, "redirect_uri": {"https://yourapp.com/callback"}, "code_verifier": {try.verifier},
	})
	same(t, "status", http.StatusOK, status)
	token := decode[oauth2.Token](t, body)
	status, body = p.form(t, p.s.origin()+"/oauth/token", url.Values{
		"grant_type": {"refresh_token"}, "client_id": {r.ClientID}, "client_secret": {r.ClientSecret}, "refresh_token": {token.RefreshToken},
	})
	same(t, "status", http.StatusOK, status)
	status, _ = p.get(t, p.s.origin()+"/oauth/userinfo", decode[oauth2.Token](t, body).AccessToken)
	same(t, "userinfo", http.StatusOK, status)
	status, _ = p.form(t, p.s.origin()+"/oauth/revoke", url.Values{"token": {token.AccessToken}})
	same(t, "revoke", http.StatusOK, status)
}
