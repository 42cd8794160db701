package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

// holds is what a token permits in each workspace, as its role and scope.
func holds(t *testing.T, s *server, token *oauth2.Token) map[string]string {
	t.Helper()
	at := make(map[string]string)
	answer := introspect(t, s, token.AccessToken)
	for _, w := range answer.Workspaces {
		scope := w.Scope
		if scope == "" {
			scope = answer.Scope
		}
		at[w.ID] = w.Role + " " + scope
	}
	return at
}

// consented is what the app gets once the person has ticked the workspaces.
func (p *person) consented(a *app, workspaces ...string) *oauth2.Token {
	p.t.Helper()
	try := a.begin(forceConsent())
	at := p.open(try.link)
	for at.status == http.StatusSeeOther {
		at = p.open(at.location)
	}
	at = p.share(at, workspaces, nil)
	if at.status != http.StatusSeeOther {
		p.t.Fatalf("the consent page answers %d: %s", at.status, at.text)
	}
	return a.tokens(p.t, p.s, try, p.answer(at.location))
}

// silently asks without a page, and returns the answer.
func (p *person) silently(a *app) (attempt, url.Values) {
	p.t.Helper()
	try := a.begin(oauth2.SetAuthURLParam("prompt", "none"))
	return try, p.answer(p.open(try.link).location)
}

// refreshed is the next access token of a refresh token.
func (a *app) refreshed(t *testing.T, token *oauth2.Token) *oauth2.Token {
	t.Helper()
	next, err := a.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestN302_N303_AppsHaveWhatWasAllowedWhereAndToWhomItWas(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, append(skipping(t), flags...)...)
		p := newPerson(t, s)
		p.signedIn("/account/apps")
		admin := newApp(t, s, "openid", "workspace:admin", "offline_access")
		viewer := newApp(t, s, "openid", "workspace:viewer", "offline_access")
		shown := p.open(admin.begin().link)
		for shown.status == http.StatusSeeOther {
			shown = p.open(shown.location)
		}
		workspaces := slices.Clone(shown.choices["workspace"])
		if len(workspaces) < 2 {
			t.Fatalf("the demo has the workspaces %v", workspaces)
		}
		w1, w2 := workspaces[0], workspaces[1]

		first := p.consented(admin, w1)
		alone := holds(t, s, first)
		second := p.consented(viewer, w1, w2)
		want := map[string]string{w1: "viewer openid workspace:viewer offline_access", w2: "viewer openid workspace:viewer offline_access"}
		if diff := cmp.Diff(want, holds(t, s, second)); diff != "" {
			t.Errorf("the second token (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(alone, holds(t, s, admin.refreshed(t, first))); diff != "" {
			t.Errorf("the first token, refreshed (-before +after):\n%s", diff)
		}
		if _, answer := p.silently(admin); answer.Get("error") != "consent_required" {
			t.Errorf("prompt=none for admin = %v", answer)
		}
		if try, answer := p.silently(viewer); answer.Get("error") == "" {
			if diff := cmp.Diff(len(want), len(holds(t, s, viewer.tokens(t, s, try, answer)))); diff != "" {
				t.Errorf("workspaces of a silent token: %s", diff)
			}
		} else {
			t.Errorf("prompt=none for viewer = %v", answer)
		}

		// The app comes as another: of what it had begun nothing is lost, and nothing is
		// in what it begins.
		s.chancery(t, "client", "update", s.Demo.Client.ClientID, "--name", "Another name")
		openid := newApp(t, s, "openid", "offline_access")
		renamed := p.consented(openid)
		if got := introspect(t, s, renamed.AccessToken); len(got.Workspaces) != 0 || got.Scope != "openid offline_access" {
			t.Errorf("the renamed app has %+v", got)
		}
		if _, answer := p.silently(viewer); answer.Get("error") != "consent_required" {
			t.Errorf("prompt=none of the renamed app = %v", answer)
		}
	})
}
