package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

// ownedApp is an app of a workspace that the user of the demo is an admin of.
func (p *standIn) ownedApp(t *testing.T, visibility string) (r *party, workspace string) {
	t.Helper()
	workspace = field(t, p.s.chancery(t, "workspace", "create", "--name", "Owner", "--json"), "workspace_id")
	p.s.chancery(t, "member", "create", "--workspace", workspace, "--subject", p.s.Demo.User.Sub, "--role", "admin")
	return p.party(t, "openid offline_access", "--workspace", workspace, "--visibility", visibility), workspace
}

// says runs a command that succeeds, and returns everything that it says.
func (s *server) says(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(program(), append(args, "--data", s.data)...).CombinedOutput()
	if err != nil {
		t.Fatalf("chancery %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// active is what an operator is told of a token.
func (s *server) active(t *testing.T, token *oauth2.Token) bool {
	t.Helper()
	return decode[introspection](t, s.chancery(t, "token", "introspect", token.AccessToken)).Active
}

// dead wants a token inactive within the bound, and useless at every endpoint.
func (p *standIn) dead(t *testing.T, token *oauth2.Token, why string) {
	t.Helper()
	until(t, why, func() bool { return !p.s.active(t, token) })
	if p.opens(t, token.AccessToken) {
		t.Errorf("%s, and the userinfo endpoint takes the token", why)
	}
}

// notRefreshed wants a refresh refused with the error.
func (r *party) notRefreshed(t *testing.T, token *oauth2.Token, want string) {
	t.Helper()
	if _, err := r.refresh(t, token.RefreshToken); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("refresh = %v, want %s", err, want)
	}
}

func TestN305_ADeletedWorkspaceTakesItsAppsWithIt(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		p := &standIn{s: s, discovery: discovered(t, s)}
		r, workspace := p.ownedApp(t, "public")
		other := field(t, s.chancery(t, "workspace", "create", "--name", "Other", "--json"), "workspace_id")
		token := r.authorize(t, forceConsent())
		try := r.begin(forceConsent())
		code := r.person.authorize(try.link).Get("code")
		if apps := r.person.signedIn("/apps").text; !strings.Contains(apps, "Parity") {
			t.Errorf("the directory of apps lacks it: %s", apps)
		}

		// The last admin leaves: that is said, and the app lives on.
		if said := s.says(t, "member", "delete", "--workspace", workspace, "--subject", s.Demo.User.Sub); !strings.Contains(said, "warning: no admin is left in workspace "+workspace) {
			t.Errorf("member delete says %q", said)
		}
		token, err := r.refresh(t, token.RefreshToken)
		if err != nil || !s.active(t, token) {
			t.Fatalf("an app without an admin: %v", err)
		}

		s.chancery(t, "workspace", "delete", workspace)
		p.dead(t, token, "the workspace is deleted")
		r.notRefreshed(t, token, "invalid_client")
		if _, err := r.Exchange(t.Context(), code, oauth2.VerifierOption(try.verifier)); code == "" || err == nil || !strings.Contains(err.Error(), "invalid_client") {
			t.Errorf("code %q is exchanged: %v", code, err)
		}
		if at := r.person.open(r.begin().link); at.status != http.StatusBadRequest || at.location != "" {
			t.Errorf("the authorization endpoint answers %d, and leads to %q", at.status, at.location)
		}
		if list := string(s.chancery(t, "client", "list", "--json")); strings.Contains(list, r.ClientID) {
			t.Error("the client is listed")
		}
		if apps := r.person.signedIn("/apps").text; strings.Contains(apps, "Parity") {
			t.Errorf("the directory of apps has it: %s", apps)
		}
		// It did not live for long enough to keep its name from others.
		s.chancery(t, "client", "create", "--name", "PARITY", "--workspace", other, "--redirect-uri", callback)
		if _, err := s.try("", "workspace", "delete", workspace); err == nil {
			t.Error("a workspace is deleted twice")
		}
	})
}

func TestN306_WhoLeavesTheOwnerLosesItsInternalApp(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		p := &standIn{s: s, discovery: discovered(t, s)}
		r, workspace := p.ownedApp(t, "internal")
		membership := []string{"--workspace", workspace, "--subject", s.Demo.User.Sub}
		token := r.authorize(t, forceConsent())
		s.chancery(t, append([]string{"member", "set-role", "--role", "viewer"}, membership...)...)
		token, err := r.refresh(t, token.RefreshToken)
		if err != nil || !s.active(t, token) || !p.opens(t, token.AccessToken) {
			t.Fatalf("a member has no token that works: %v", err)
		}
		s.chancery(t, append([]string{"member", "delete"}, membership...)...)
		r.notRefreshed(t, token, "invalid_grant")
		p.dead(t, token, "the user is no member of the owner")

		s.chancery(t, append([]string{"member", "create", "--role", "member"}, membership...)...)
		if s.active(t, token) {
			t.Error("a user who comes back has the old token")
		}
		if again := r.authorize(t, forceConsent()); !s.active(t, again) {
			t.Error("a user who comes back has no new token")
		}
	})
}

func TestN306_MakingAnAppInternalLogsOutsidersOut(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		p := &standIn{s: s, discovery: discovered(t, s)}
		member, workspace := p.ownedApp(t, "public")
		stranger := newTenant(t, s, "stranger")
		as := &server{ready: s.ready, data: s.data}
		as.Demo.User.Username, as.Demo.User.Password = stranger.name, stranger.name+" battery staple"
		outsider := &party{app: member.app, p: p, person: newPerson(t, as)}
		inside, outside := member.authorize(t, forceConsent()), outsider.authorize(t, forceConsent())
		s.chancery(t, "client", "update", member.ClientID, "--visibility", "unlisted")
		if !s.active(t, inside) || !s.active(t, outside) {
			t.Fatal("a token ends although anybody may use the app")
		}
		s.chancery(t, "client", "update", member.ClientID, "--visibility", "internal")
		p.dead(t, inside, "the app is internal")
		p.dead(t, outside, "the app is internal")
		outsider.notRefreshed(t, outside, "invalid_grant")
		renewed, err := member.refresh(t, inside.RefreshToken)
		if err != nil || !s.active(t, renewed) {
			t.Fatalf("a member has no token that works: %v", err)
		}
		s.chancery(t, "client", "update", member.ClientID, "--visibility", "public")
		if !s.active(t, renewed) {
			t.Error("a token ends when the app is opened to everybody")
		}
		s.chancery(t, "member", "create", "--workspace", workspace, "--subject", stranger.keys["sub"], "--role", "viewer")
		if outside, err = outsider.refresh(t, outside.RefreshToken); err != nil || !s.active(t, outside) {
			t.Errorf("whom the app is open to again has no token: %v", err)
		}
	})
}

// With the real directory, and the pages that people see.
func TestN018_AnOutsiderSeesNothingOfAnInternalApp(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		p := &standIn{s: s, discovery: discovered(t, s)}
		member, workspace := p.ownedApp(t, "internal")
		stranger := newTenant(t, s, "stranger")
		as := &server{ready: s.ready, data: s.data}
		as.Demo.User.Username, as.Demo.User.Password = stranger.name, stranger.name+" battery staple"

		link := member.begin(forceConsent()).link
		if page := member.person.signedIn(link); !strings.Contains(page.text, "Parity") || len(page.buttons) == 0 {
			t.Errorf("a member is not asked: %s", page.text)
		}
		outsider := newPerson(t, as)
		for _, visit := range []string{"signs in", "is signed in"} {
			page := outsider.signedIn(member.begin(forceConsent()).link)
			if page.status != http.StatusForbidden || strings.Contains(page.text, "Parity") || strings.HasSuffix(page.action, "/consent") {
				t.Errorf("an outsider who %s gets %d, with a form for %q: %s", visit, page.status, page.action, page.text)
			}
		}
		s.chancery(t, "member", "create", "--workspace", workspace, "--subject", stranger.keys["sub"], "--role", "viewer")
		if page := outsider.signedIn(member.begin(forceConsent()).link); !strings.Contains(page.text, "Parity") {
			t.Errorf("a new member is not asked: %s", page.text)
		}
	})
}
