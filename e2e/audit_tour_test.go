package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

func (r *tour) clients(t *testing.T) {
	t.Helper()
	s := r.s
	made := decode[struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}](t, s.chancery(t, "client", "create", "--name", "Canary App", "--type", "web", "--auth-method", "client_secret_post",
		"--redirect-uri", "https://canary.example/cb", "--scope", "openid email", "--grant-type", "authorization_code", "--json"))
	r.canaries["name of a client"], r.canaries["secret of a client"] = "Canary", made.ClientSecret
	r.canaries["redirect URI of a client"] = "canary.example"
	secrets := decode[struct {
		Secrets []struct {
			SecretID string `json:"secret_id"`
		}
	}](t, s.chancery(t, "client", "secret", "list", made.ClientID, "--json")).Secrets
	if len(secrets) != 1 {
		t.Fatalf("secrets = %v", secrets)
	}
	r.check(t, byAdmin,
		&eventv1.Event{Type: "client.created", ClientId: made.ClientID, Scope: "openid email"},
		&eventv1.Event{Type: "client_secret.created", ClientId: made.ClientID, SecretId: secrets[0].SecretID})

	added := decode[struct {
		SecretID     string `json:"secret_id"`
		ClientSecret string `json:"client_secret"`
	}](t, s.chancery(t, "client", "secret", "create", made.ClientID, "--json"))
	r.canaries["second secret of a client"] = added.ClientSecret
	r.check(t, byAdmin, &eventv1.Event{Type: "client_secret.created", ClientId: made.ClientID, SecretId: added.SecretID})
	s.chancery(t, "client", "secret", "revoke", made.ClientID, added.SecretID)
	r.check(t, byAdmin, &eventv1.Event{Type: "client_secret.revoked", ClientId: made.ClientID, SecretId: added.SecretID})
	s.chancery(t, "client", "update", made.ClientID, "--name", "Canary Renamed")
	r.check(t, byAdmin, &eventv1.Event{Type: "client.updated", ClientId: made.ClientID, Scope: "openid email"})
	s.chancery(t, "client", "delete", made.ClientID)
	r.check(t, byAdmin, &eventv1.Event{Type: "client.deleted", ClientId: made.ClientID})
	if _, err := s.try("", "client", "delete", made.ClientID); err == nil {
		t.Error("a client is deleted twice")
	}
	s.chancery(t, "client", "list")
	r.check(t, byAdmin)

	initial := decode[struct {
		TokenID string `json:"token_id"`
		Token   string `json:"initial_access_token"`
	}](t, s.chancery(t, "client", "initial-token", "create", "--json"))
	r.canaries["initial access token"] = initial.Token
	r.check(t, byAdmin, &eventv1.Event{Type: "initial_access_token.created", SecretId: initial.TokenID})
	s.chancery(t, "client", "initial-token", "revoke", initial.TokenID)
	r.check(t, byAdmin, &eventv1.Event{Type: "initial_access_token.revoked", SecretId: initial.TokenID})
}

func (r *tour) users(t *testing.T) {
	t.Helper()
	r.canaries["user name"], r.canaries["password of a user"], r.canaries["address of a user"] = "canaryuser", "canary battery staple", "canary@mail.example"
	create := []string{"user", "create", "--username", "canaryuser", "--password-stdin", "--email", "canary@mail.example", "--json"}
	out, err := r.s.try("canary battery staple\n", create...)
	if err != nil {
		t.Fatal(err)
	}
	sub := decode[struct{ Sub string }](t, out).Sub
	r.check(t, byAdmin, &eventv1.Event{Type: "subject.created", Sub: sub})
	if _, err := r.s.try("canary battery staple\n", create...); err == nil {
		t.Error("a user is created twice")
	}
	r.check(t, byAdmin)
	r.s.chancery(t, "user", "disable", sub)
	r.check(t, byAdmin, &eventv1.Event{Type: "subject.disabled", Sub: sub})
	r.s.chancery(t, "user", "enable", sub)
	r.check(t, byAdmin, &eventv1.Event{Type: "subject.enabled", Sub: sub})
	r.s.chancery(t, "user", "unlock", sub)
	r.check(t, byAdmin, &eventv1.Event{Type: "subject.unlocked", Sub: sub})
	r.canaries["next password of a user"] = "canary second staple"
	for _, refused := range []string{"", "short\n"} {
		if _, err := r.s.try(refused, "user", "set-password", sub, "--password-stdin"); err == nil {
			t.Errorf("the password %q is set", refused)
		}
	}
	r.check(t, byAdmin)
	if _, err := r.s.try("canary second staple\n", "user", "set-password", sub, "--password-stdin"); err != nil {
		t.Fatal(err)
	}
	r.check(t, byAdmin, &eventv1.Event{Type: "password.changed", Sub: sub})
}

func (r *tour) workspaces(t *testing.T) {
	t.Helper()
	sub := r.s.Demo.User.Sub
	id := decode[struct {
		WorkspaceID string `json:"workspace_id"`
	}](t, r.s.chancery(t, "workspace", "create", "--name", "Canary Lab", "--json")).WorkspaceID
	r.check(t, byAdmin, &eventv1.Event{Type: "workspace.created", WorkspaceId: id})
	project := decode[struct {
		ProjectID string `json:"project_id"`
	}](t, r.s.chancery(t, "project", "create", "--workspace", id, "--name", "Canary Engine", "--json")).ProjectID
	r.check(t, byAdmin, &eventv1.Event{Type: "project.created", WorkspaceId: id, ProjectId: project})
	r.s.chancery(t, "member", "create", "--workspace", id, "--subject", sub, "--role", "viewer")
	r.check(t, byAdmin, &eventv1.Event{Type: "member.added", WorkspaceId: id, Sub: sub, Role: "viewer"})
	r.s.chancery(t, "member", "set-role", "--workspace", id, "--subject", sub, "--role", "admin")
	r.check(t, byAdmin, &eventv1.Event{Type: "member.role_changed", WorkspaceId: id, Sub: sub, Role: "admin"})
	r.s.chancery(t, "project", "delete", project)
	r.check(t, byAdmin, &eventv1.Event{Type: "project.deleted", WorkspaceId: id, ProjectId: project})
	r.s.chancery(t, "member", "delete", "--workspace", id, "--subject", sub)
	r.check(t, byAdmin, &eventv1.Event{Type: "member.removed", WorkspaceId: id, Sub: sub})
	r.s.chancery(t, "workspace", "delete", id)
	r.check(t, byAdmin, &eventv1.Event{Type: "workspace.deleted", WorkspaceId: id})
}

// signIn fails twice, signs in and consents twice.
func (r *tour) signIn(t *testing.T) {
	t.Helper()
	user := r.s.Demo.User
	r.canaries["name that nobody has"], r.canaries["wrong password"] = "canarynobody", "canary wrong password"
	for username, sub := range map[string]string{user.Username: user.Sub, "canarynobody": ""} {
		at := r.user.open(r.app.begin().link)
		for at.status == http.StatusSeeOther {
			at = r.user.open(at.location)
		}
		at = r.user.submit(at, url.Values{"username": {username}, "password": {"canary wrong password"}, "action": {"sign-in"}})
		if at.status == http.StatusSeeOther {
			t.Fatalf("%s is signed in with a wrong password", username)
		}
		r.check(t, byAuthorize, &eventv1.Event{Type: "sign_in.failed", Sub: sub})
	}
	r.issued(t)
	concerns := r.grant(t)
	concerns.Type = "grant.recorded"
	r.check(t, byAuthorize, concerns,
		&eventv1.Event{Type: "session.started", Sub: user.Sub, SessionId: r.session(t), Caller: byGateway})
	r.issued(t)
	concerns = r.grant(t)
	concerns.Type = "grant.changed"
	r.check(t, byAuthorize, concerns)
	// Without a question there is no change.
	again := newApp(t, r.s, "openid")
	try := again.begin()
	again.tokens(t, r.s, try, r.user.authorize(try.link))
	r.check(t, byAuthorize)
}

// issued goes the way of a code to tokens, with consent, and returns the form
// that redeems the code.
func (r *tour) issued(t *testing.T) (token *oauth2.Token, redeem url.Values) {
	t.Helper()
	try := r.app.begin(forceConsent())
	answer := r.user.authorize(try.link)
	token = r.app.tokens(t, r.s, try, answer)
	r.canaries["code"], r.canaries["verifier"], r.canaries["nonce"] = answer.Get("code"), try.verifier, try.nonce
	r.canaries["access token"], r.canaries["refresh token"] = token.AccessToken, token.RefreshToken
	return token, url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")},
		"code_verifier": {try.verifier}, "redirect_uri": {r.app.RedirectURL},
	}
}

// fresh is issued, with its records read.
func (r *tour) fresh(t *testing.T) *oauth2.Token {
	t.Helper()
	token, _ := r.issued(t)
	r.next(t)
	return token
}

// grant is what an event says of the one grant that the user has given.
func (r *tour) grant(t *testing.T) *eventv1.Event {
	t.Helper()
	list := decode[struct {
		Grants []struct {
			GrantID  string `json:"grant_id"`
			ClientID string `json:"client_id"`
			Sub      string
			Scope    string
		}
	}](t, r.s.chancery(t, "grant", "list", "--subject", r.s.Demo.User.Sub, "--json")).Grants
	if len(list) != 1 {
		t.Fatalf("grants = %+v, want one", list)
	}
	return &eventv1.Event{GrantId: list[0].GrantID, ClientId: list[0].ClientID, Sub: list[0].Sub, Scope: list[0].Scope}
}

// session is the id of the user's one session.
func (r *tour) session(t *testing.T) string {
	t.Helper()
	list := decode[struct {
		Sessions []struct {
			SessionID string `json:"session_id"`
		}
	}](t, r.s.chancery(t, "session", "list", "--subject", r.s.Demo.User.Sub, "--json")).Sessions
	if len(list) != 1 {
		t.Fatalf("sessions = %+v, want one", list)
	}
	return list[0].SessionID
}

// of is an event of a type about a token of the grant.
func of(what string, grant *eventv1.Event) *eventv1.Event {
	return &eventv1.Event{Type: what, ClientId: grant.GetClientId(), Sub: grant.GetSub(), GrantId: grant.GetGrantId(), FamilyId: anyID}
}

func (r *tour) replayedCode(t *testing.T) {
	t.Helper()
	_, redeem := r.issued(t)
	r.next(t)
	if status, body := post(t, r.s, "/oauth/token", redeem); status != http.StatusBadRequest {
		t.Fatalf("a code that comes again: %d %s", status, body)
	}
	r.check(t, byGateway, of("code.reused", r.grant(t)))
}

// reusedRefresh ends the grant by a refresh token that is out of use.
func (r *tour) reusedRefresh(t *testing.T) {
	t.Helper()
	token := r.fresh(t)
	current := token
	for range 2 {
		next, err := r.app.TokenSource(t.Context(), refreshOnly(current)).Token()
		if err != nil {
			t.Fatal(err)
		}
		current = next
	}
	r.canaries["rotated refresh token"] = current.RefreshToken
	r.check(t, byGateway) // rotation is none
	grant := r.grant(t)
	for range 2 {
		if _, err := r.app.TokenSource(t.Context(), refreshOnly(token)).Token(); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Fatalf("a refresh token that is out of use: %v", err)
		}
	}
	revoked := of("grant.revoked", grant)
	revoked.FamilyId, revoked.Reason, revoked.Caller = "", "reuse", byToken
	r.check(t, byGateway, of("family.reused", grant), revoked)
}

// repeatedRefresh refreshes twice with one token, within a window.
func (r *tour) repeatedRefresh(t *testing.T) {
	t.Helper()
	r.s.chancery(t, "client", "update", r.s.Demo.Client.ClientID, "--refresh-window", "20m")
	token := r.fresh(t)
	for range 2 {
		if _, err := r.app.TokenSource(t.Context(), refreshOnly(token)).Token(); err != nil {
			t.Fatal(err)
		}
	}
	r.check(t, byGateway, of("family.repeated", r.grant(t)))
}

// revocations end tokens as a client and as an operator.
func (r *tour) revocations(t *testing.T) {
	t.Helper()
	token := r.fresh(t)
	grant := r.grant(t)
	post(t, r.s, "/oauth/revoke", url.Values{"token": {token.AccessToken}})
	r.check(t, byGateway, of("token.revoked", grant))
	ended := of("family.ended", grant)
	ended.Reason = "revoked"
	for range 2 {
		r.s.chancery(t, "token", "revoke", token.RefreshToken)
	}
	r.check(t, byAdmin, ended)
	own := clientToken(t, r.s)
	r.canaries["client's own token"] = own
	r.s.chancery(t, "token", "revoke", own)
	r.check(t, byAdmin, &eventv1.Event{Type: "token.revoked", ClientId: r.s.Demo.Client.ClientID})
	r.s.chancery(t, "grant", "revoke", grant.GetGrantId())
	r.check(t, byAdmin, &eventv1.Event{
		Type: "grant.revoked", ClientId: grant.GetClientId(), Sub: grant.GetSub(), GrantId: grant.GetGrantId(), Reason: "admin",
	})
}

func (r *tour) sessions(t *testing.T) {
	t.Helper()
	id := r.session(t)
	r.s.chancery(t, "session", "end", id)
	r.check(t, byAdmin, &eventv1.Event{Type: "session.ended", Sub: r.s.Demo.User.Sub, SessionId: id})
}

// keys rotates every key, and retires the sealing key that was.
func (r *tour) keys(t *testing.T) {
	t.Helper()
	type list struct {
		Keys []struct {
			KeyID   string `json:"key_id"`
			Purpose string
		}
	}
	var former string
	for _, k := range decode[list](t, r.s.chancery(t, "key", "list", "--json")).Keys {
		if k.Purpose == "seal" {
			former = k.KeyID
		}
	}
	var want []*eventv1.Event
	for _, k := range decode[list](t, r.s.chancery(t, "key", "rotate", "--at-once", "--json")).Keys {
		reason := "signing"
		if k.Purpose == "seal" {
			reason = "sealing"
		}
		want = append(want, &eventv1.Event{Type: "key.created", KeyId: k.KeyID, Reason: reason})
	}
	if len(want) != 3 {
		t.Errorf("%d keys are made, want 3", len(want))
	}
	r.check(t, byAdmin, want...)
	for range 2 {
		r.s.chancery(t, "key", "retire", former)
	}
	r.check(t, byAdmin, &eventv1.Event{Type: "key.retired", KeyId: former, Reason: "sealing"})
}
