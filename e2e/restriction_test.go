package e2e

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// bound is the published one: how long a revocation may go unnoticed.
const bound = 5 * time.Second

// Each way of taking something away reaches introspection without the token
// being touched.
func TestRestrictionsReachEveryToken(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		a := newApp(t, s, "openid", "workspace:member", "offline_access")
		p := newPerson(t, s)
		fresh := func() *oauth2.Token {
			try := a.begin(forceConsent())
			return a.tokens(t, s, try, p.authorize(try.link))
		}

		token := fresh()
		lowered := s.Demo.Workspaces[0]
		s.chancery(t, "member", "set-role", "--workspace", lowered.ID, "--subject", s.Demo.User.Sub, "--role", "viewer")
		until(t, "the role is lowered", func() bool { return roleIn(introspect(t, s, token.AccessToken), lowered.ID) == "viewer" })
		s.chancery(t, "member", "delete", "--workspace", lowered.ID, "--subject", s.Demo.User.Sub)
		until(t, "the workspace is gone", func() bool { return roleIn(introspect(t, s, token.AccessToken), lowered.ID) == "" })

		grants := decode[struct {
			Grants []struct {
				GrantID    string `json:"grant_id"`
				Workspaces []string
			}
		}](t, s.chancery(t, "grant", "list", "--subject", s.Demo.User.Sub, "--json"))
		if len(grants.Grants) != 1 {
			t.Fatalf("grants = %+v", grants)
		}
		s.chancery(t, "grant", "revoke", grants.Grants[0].GrantID)
		checkDead(t, s, a, token, "the grant is revoked")

		token = fresh()
		s.chancery(t, "user", "disable", s.Demo.User.Sub)
		checkDead(t, s, a, token, "the user is disabled")
		s.chancery(t, "user", "enable", s.Demo.User.Sub)
		checkDead(t, s, a, token, "what ended stays ended")

		token = fresh()
		s.chancery(t, "client", "delete", s.Demo.Client.ClientID)
		until(t, "the client is deleted", func() bool {
			answer := decode[introspection](t, s.chancery(t, "token", "introspect", token.AccessToken))
			return !answer.Active
		})
		if status, _ := post(t, s, "/oauth/introspect", url.Values{"token": {token.AccessToken}}); status != 401 {
			t.Errorf("a deleted client is answered with %d, want 401", status)
		}
	})
}

// A refresh token that is revoked takes its access tokens along; an access token
// goes alone.
func TestRevocation(t *testing.T) {
	s := start(t)
	a := newApp(t, s, "openid", "offline_access")
	p := newPerson(t, s)
	try := a.begin(forceConsent())
	first := a.tokens(t, s, try, p.authorize(try.link))
	second, err := a.TokenSource(t.Context(), refreshOnly(first)).Token()
	if err != nil {
		t.Fatal(err)
	}
	post(t, s, "/oauth/revoke", url.Values{"token": {first.AccessToken}})
	until(t, "the access token is revoked", func() bool { return !introspect(t, s, first.AccessToken).Active })
	if !introspect(t, s, second.AccessToken).Active {
		t.Error("another access token ended with it")
	}
	post(t, s, "/oauth/revoke", url.Values{"token": {second.RefreshToken}})
	until(t, "its access tokens are gone", func() bool { return !introspect(t, s, second.AccessToken).Active })
	if _, err := a.TokenSource(t.Context(), refreshOnly(second)).Token(); err == nil {
		t.Error("the revoked refresh token still works")
	}
}

// checkDead says that neither token of t works any more.
func checkDead(t *testing.T, s *server, a *app, token *oauth2.Token, why string) {
	t.Helper()
	if _, err := a.TokenSource(t.Context(), refreshOnly(token)).Token(); err == nil {
		t.Errorf("%s, and the refresh token works", why)
	}
	until(t, why, func() bool { return !introspect(t, s, token.AccessToken).Active })
}

// until waits for what must hold once the bound has passed. Asking again and
// again is how a resource server would see it.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(bound)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("after the bound it is not so that %s", what)
		}
	}
}

func roleIn(answer introspection, workspace string) string {
	for _, w := range answer.Workspaces {
		if w.ID == workspace {
			return w.Role
		}
	}
	return ""
}

func refreshOnly(t *oauth2.Token) *oauth2.Token { return &oauth2.Token{RefreshToken: t.RefreshToken} }

// clientToken is a token of the demo's web client itself.
func clientToken(t testing.TB, s *server) string {
	t.Helper()
	status, body := post(t, s, "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
	if status != 200 {
		t.Fatalf("client_credentials answers %d: %s", status, body)
	}
	return decode[struct {
		AccessToken string `json:"access_token"`
	}](t, body).AccessToken
}

// A session that ends takes the tokens bound to it along; offline access goes on.
func TestEndingASession(t *testing.T) {
	s := start(t)
	p := newPerson(t, s)
	signedIn, offline := newApp(t, s, "openid"), newApp(t, s, "openid", "offline_access")
	try := signedIn.begin()
	online := signedIn.tokens(t, s, try, p.authorize(try.link))
	try = offline.begin(forceConsent())
	away := offline.tokens(t, s, try, p.authorize(try.link))
	sessions := decode[struct {
		Sessions []struct {
			SessionID string `json:"session_id"`
		}
	}](t, s.chancery(t, "session", "list", "--subject", s.Demo.User.Sub, "--json")).Sessions
	if len(sessions) != 1 {
		t.Fatalf("sessions = %+v", sessions)
	}
	s.chancery(t, "session", "end", sessions[0].SessionID)
	until(t, "the session's token is dead", func() bool { return !introspect(t, s, online.AccessToken).Active })
	if !introspect(t, s, away.AccessToken).Active {
		t.Error("offline access ended with the session")
	}
	if at := p.open(signedIn.begin().link); !strings.HasPrefix(at.location, "/signin") {
		t.Errorf("after the end of the session: %d to %q, want the sign-in page", at.status, at.location)
	}
}
