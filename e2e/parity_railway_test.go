package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// What the documentation of "Login with Railway" says, as docs/parity.md counts it.
func TestRailway(t *testing.T) {
	hold(t, "railway", []fact{
		{"R01 issuer and discovery are below /oauth", railwayIssuer},
		{"R02 endpoints have the documented paths", railwayPaths},
		{"R03 a web app has a secret, sent either way, and may do without PKCE", railwayWebApps},
		{"R04 a native app has no secret and needs PKCE", railwayNativeApps},
		{"R05 a native app that sends a secret is refused", railwayNativeSecret},
		{"R08 several secrets, each shown once and revoked on its own", railwaySecrets},
		{"R09 deleting an app ends its tokens and takes it off the user's list", railwayDeletedApp},
		{"R10 clients register and manage themselves", railwayRegistration},
		{"R12 such clients are in no settings page", railwayRegisteredAreHidden},
		{"R13 an update replaces the secret", railwayRegistrationUpdate},
		{"R14 response_type is code", railwayResponseType},
		{"R15 scope contains openid", railwayOpenID},
		{"R16 state is recommended", railwayState},
		{"R17 code_challenge_method is S256", railwayChallengeMethod},
		{"R18 prompt=consent forces the consent screen", railwayPromptConsent},
		{"R19 redirect URIs match exactly", railwayRedirectURI},
		{"R20 a denial is told with error", railwayDenial},
		{"R21 codes are short-lived and used once", railwayCodes},
		{"R22 access tokens are opaque and live an hour", railwayAccessTokens},
		{"R23 refresh tokens need offline_access and prompt=consent", railwayRefreshTokens},
		{"R24 each refresh token lives a year from its issuance", railwayRefreshLifetime},
		{"R25 R26 refresh tokens rotate late, and an old one revokes the authorization", railwayRotation},
		{"R27 an authorization has at most 100 refresh tokens", railwayHundredTokens},
		{"R28 ID tokens carry sub, and no email, name or picture", railwayIDToken},
		{"R29 claims at /oauth/me follow the scopes", railwayClaims},
		{"R30 the scopes are the documented ones", railwayScopes},
		{"R31 R33 workspaces are picked, and only those are shared", railwayWorkspaces},
		{"R32 R33 projects are picked across workspaces", railwayProjects},
		{"R34 the scope is a maximum: the role caps it", railwayRoleCap},
		{"R35 R36 consent is skipped for the same or less, and never with prompt=consent", railwayAutomaticConsent},
		{"R37 R38 users see, change and revoke what they have authorized", railwayAuthorizedApps},
		{"R39 requests can be pushed", railwayPushedRequests},
		// Last, for nobody can register a client after it.
		{"R11 registrations are rate limited", railwayRegistrationLimit},
	})
}

func railwayIssuer(t *testing.T, p *standIn) {
	same(t, "issuer", any(p.s.origin()+"/oauth"), p.discovery["issuer"])
}

func railwayPaths(t *testing.T, p *standIn) {
	for member, path := range map[string]string{
		"authorization_endpoint":                "/oauth/auth",
		"token_endpoint":                        "/oauth/token",
		"pushed_authorization_request_endpoint": "/oauth/request",
		"userinfo_endpoint":                     "/oauth/me",
		"registration_endpoint":                 "/oauth/register",
	} {
		same(t, member, p.s.origin()+path, p.endpoint(t, member))
	}
}

// native registers a native app.
// selfRegistered is a client that has registered itself, with what it was told.
// register registers a client dynamically.
func railwayResponseType(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	same(t, "response_type=token", "unsupported_response_type", r.refused(t, r.link(url.Values{"response_type": {"token"}})))
	r.authorize(t)
}

func railwayOpenID(t *testing.T, p *standIn) {
	r := p.party(t, "openid email")
	same(t, "scope=email", "invalid_scope", r.refused(t, r.link(url.Values{"scope": {"email"}})))
	r.authorize(t)
}

func railwayState(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	if answer := r.person.authorize(r.link(url.Values{"state": {""}})); answer.Get("code") == "" || answer.Has("state") {
		t.Errorf("without state the answer is %v", answer)
	}
	try := r.begin()
	same(t, "state", try.state, r.person.authorize(try.link).Get("state"))
}

func railwayChallengeMethod(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	same(t, "plain", "invalid_request", r.refused(t, r.link(url.Values{"code_challenge_method": {"plain"}})))
	same(t, "none", "invalid_request", r.refused(t, r.link(url.Values{"code_challenge_method": {""}})))
	r.authorize(t)
}

func railwayPromptConsent(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	r.authorize(t)
	r.consent(t, forceConsent()) // fails where the page does not show
}

func railwayRedirectURI(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	for _, uri := range []string{
		callback + "/", "http://app.example/callback", "https://app.example:443/callback", "https://app.example/Callback",
		"https://APP.example/callback", callback + "?a=b", "https://app.example/x/../callback",
	} {
		same(t, uri, "page", r.refused(t, r.link(url.Values{"redirect_uri": {uri}})))
	}
	native := p.native(t, "openid")
	same(t, "another port", "page", native.refused(t, native.link(url.Values{"redirect_uri": {"http://127.0.0.1:7172/callback"}})))
	r.authorize(t)
	native.authorize(t)
}

func railwayDenial(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	at, try := r.consent(t)
	at = r.person.submit(at, url.Values{"decision": {"deny"}})
	for at.status == http.StatusSeeOther && strings.HasPrefix(at.location, "/") {
		at = r.person.open(at.location)
	}
	answer := r.person.answer(at.location)
	same(t, "error", "access_denied", answer.Get("error"))
	same(t, "state", try.state, answer.Get("state"))
}

// rotated refreshes until the refresh token is another one.
func railwayScopes(t *testing.T, p *standIn) {
	want := []string{
		"openid", "email", "profile", "offline_access",
		"workspace:viewer", "workspace:member", "workspace:admin", "project:viewer", "project:member",
	}
	for _, scope := range want {
		r := p.party(t, strings.TrimSpace("openid "+strings.TrimPrefix(scope, "openid")))
		if got := r.authorize(t, forceConsent()).Extra("scope"); !slices.Contains(strings.Fields(fmt.Sprint(got)), scope) {
			t.Errorf("%s: granted %v", scope, got)
		}
	}
	same(t, "scopes that users grant", len(want), len(presetOf(t, "railway").Scopes.Grantable()))
}

func railwayWorkspaces(t *testing.T, p *standIn) {
	r := p.party(t, "openid workspace:member")
	shown, _ := r.consent(t)
	for _, w := range p.s.Demo.Workspaces {
		if !slices.Contains(shown.choices["workspace"], w.ID) || !strings.Contains(shown.text, w.Name) {
			t.Errorf("the page does not list %s", w.Name)
		}
	}
	picked := p.s.Demo.Workspaces[0].ID
	got := r.active(t, r.sharing(t, []string{picked}, nil).AccessToken)
	if len(got.Workspaces) != 1 || got.Workspaces[0].ID != picked || len(got.Projects) != 0 {
		t.Errorf("shared: %+v", got)
	}
}

func railwayProjects(t *testing.T, p *standIn) {
	r := p.party(t, "openid project:viewer")
	shown, _ := r.consent(t)
	for _, w := range p.s.Demo.Workspaces {
		for _, project := range w.Projects {
			if !slices.Contains(shown.choices["project"], project.ID) {
				t.Errorf("the page does not list %s of %s", project.Name, w.Name)
			}
		}
	}
	picked := p.s.Demo.Workspaces[1].Projects[0].ID
	got := r.active(t, r.sharing(t, nil, []string{picked}).AccessToken)
	if len(got.Projects) != 1 || got.Projects[0].ID != picked || len(got.Workspaces) != 0 {
		t.Errorf("shared: %+v", got)
	}
}

func railwayRoleCap(t *testing.T, p *standIn) {
	r := p.party(t, "openid workspace:admin")
	for _, w := range p.s.Demo.Workspaces {
		got := r.active(t, r.sharing(t, []string{w.ID}, nil).AccessToken)
		if len(got.Workspaces) != 1 || got.Workspaces[0].Role != w.Role {
			t.Errorf("the user is %s of %s, the token has %+v", w.Role, w.Name, got.Workspaces)
		}
	}
}

func railwayAutomaticConsent(t *testing.T, p *standIn) {
	for _, r := range []*party{p.party(t, "openid email"), p.native(t, "openid email")} {
		r.authorize(t)
		for _, scope := range []string{"openid email", "openid"} {
			at := r.person.open(r.link(url.Values{"scope": {scope}}))
			if at.status != http.StatusSeeOther || strings.HasPrefix(at.location, "/") {
				t.Errorf("%s: the screen is not skipped: %d to %s", scope, at.status, at.location)
			}
		}
		more := r.person.open(r.link(url.Values{"scope": {"openid email profile"}}))
		always := r.person.open(r.link(url.Values{"prompt": {"consent"}}))
		for _, at := range []page{more, always} {
			if !strings.HasPrefix(at.location, "/consent") {
				t.Errorf("the screen is skipped: %d to %s", at.status, at.location)
			}
		}
	}
}

func railwayAuthorizedApps(t *testing.T, p *standIn) {
	r := p.party(t, "openid email workspace:viewer offline_access")
	acme, northwind := p.s.Demo.Workspaces[0], p.s.Demo.Workspaces[1]
	token := r.sharing(t, []string{acme.ID}, nil)
	grant := grantOf(t, p.s, r.ClientID)
	shown := r.person.open("/account/apps")
	for _, text := range []string{"Parity", acme.Name, "email"} {
		if !strings.Contains(shown.text, text) {
			t.Errorf("the page does not say %s: %s", text, shown.text)
		}
	}
	form := shown.formWith(t, "save", "grant_id", grant)
	same(t, "ticked", []string{acme.ID}, form.ticked["workspace"])
	if at := r.person.post(form, url.Values{"workspace": {northwind.ID}, "action": {"save"}}); at.status != http.StatusSeeOther {
		t.Fatalf("save answers %d: %s", at.status, at.text)
	}
	if got := r.active(t, token.AccessToken); len(got.Workspaces) != 0 {
		t.Errorf("what was taken away is still shared: %+v", got)
	}
	next, err := r.refresh(t, token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.active(t, next.AccessToken); len(got.Workspaces) != 1 || got.Workspaces[0].ID != northwind.ID {
		t.Errorf("what was added is not shared: %+v", got)
	}
	r.revokeOnPage(t, grant)
	if r.active(t, next.AccessToken).Active {
		t.Error("the access token outlives the revocation")
	}
	if _, err := r.refresh(t, next.RefreshToken); err == nil {
		t.Error("the refresh token outlives the revocation")
	}
	again, _ := r.consent(t) // a fresh authorization: nothing is ticked
	same(t, "ticked", 0, len(again.ticked["workspace"]))
}

// revokeOnPage takes an authorization back as the user does.
func (r *party) revokeOnPage(t testing.TB, grant string) {
	t.Helper()
	form := r.person.open("/account/apps").formWith(t, "revoke", "grant_id", grant)
	at := r.person.post(form, url.Values{"action": {"revoke"}})
	for at.status == http.StatusSeeOther {
		at = r.person.open(at.location)
	}
	if at = r.person.post(at.formWith(t, "confirm-revoke"), url.Values{"action": {"confirm-revoke"}}); at.status != http.StatusSeeOther {
		t.Fatalf("the revocation answers %d: %s", at.status, at.text)
	}
}

// grantOf is the id of the one grant of a client.
func grantOf(t testing.TB, s *server, clientID string) string {
	t.Helper()
	list := decode[struct {
		Grants []struct {
			GrantID string `json:"grant_id"`
		}
	}](t, s.chancery(t, "grant", "list", "--client", clientID, "--json"))
	if len(list.Grants) != 1 {
		t.Fatalf("grants = %+v", list.Grants)
	}
	return list.Grants[0].GrantID
}

func railwayPushedRequests(t *testing.T, p *standIn) {
	r := p.party(t, "openid", "--auth-method", "client_secret_post")
	try := r.begin()
	u, err := url.Parse(try.link)
	if err != nil {
		t.Fatal(err)
	}
	fields := u.Query()
	fields.Set("client_secret", r.ClientSecret)
	status, body := p.form(t, p.endpoint(t, "pushed_authorization_request_endpoint"), fields)
	if status != http.StatusCreated {
		t.Fatalf("PAR answers %d: %s", status, body)
	}
	pushed := decode[struct {
		RequestURI string `json:"request_uri"`
	}](t, body)
	if !strings.HasPrefix(pushed.RequestURI, "urn:ietf:params:oauth:request_uri:") {
		t.Errorf("request_uri = %s", pushed.RequestURI)
	}
	link := p.endpoint(t, "authorization_endpoint") + "?" + url.Values{"client_id": {r.ClientID}, "request_uri": {pushed.RequestURI}}.Encode()
	r.tokens(t, p.s, try, r.person.authorize(link))
	fields.Set("client_secret", "wrong")
	status, body = p.form(t, p.endpoint(t, "pushed_authorization_request_endpoint"), fields)
	same(t, "PAR without authentication", fmt.Sprint(http.StatusUnauthorized, "invalid_client"), fmt.Sprint(status, errorOf(t, body)))
}

// presetOf is a preset as the program has it.
