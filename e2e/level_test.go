package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// saves posts the form of a grant on the account page.
func (p *person) saves(grant string, fields url.Values) {
	p.t.Helper()
	form := p.open("/account/apps").formWith(p.t, "save", "grant_id", grant)
	fields.Set("action", "save")
	if at := p.post(form, fields); at.status != http.StatusSeeOther {
		p.t.Fatalf("save answers %d: %s", at.status, at.text)
	}
}

func TestN304_PeopleChangeWhatEachWorkspaceIsSharedWith(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		p := newPerson(t, s)
		p.signedIn("/account/apps")
		a := newApp(t, s, "openid", "workspace:admin", "offline_access")
		shown := p.open(a.begin().link)
		for shown.status == http.StatusSeeOther {
			shown = p.open(shown.location)
		}
		workspaces := slices.Clone(shown.choices["workspace"])
		if len(workspaces) < 2 || strings.Contains(shown.text, "already has") {
			t.Fatalf("the consent page offers %v: %s", workspaces, shown.text)
		}
		w1, w2 := workspaces[0], workspaces[1]
		token := p.consented(a, w1)
		grant := grantOf(t, s, a.ClientID)

		// What is left as it is changes nothing: not even the access token ends.
		p.saves(grant, url.Values{"workspace": {w1}, "level": {"", w2 + " workspace:viewer"}})
		if got := holds(t, s, token); !strings.HasPrefix(got[w1], "admin ") {
			t.Errorf("after saving nothing the token holds %v", got)
		}
		// Lowered, it is lower at once; raised and added, in the next token.
		p.saves(grant, url.Values{"workspace": {w1}, "level": {w1 + " workspace:viewer"}})
		if got := introspect(t, s, token.AccessToken); got.Active {
			t.Errorf("the token outlives its level: %+v", got)
		}
		token = a.refreshed(t, token)
		if got := holds(t, s, token); len(got) != 1 || !strings.HasPrefix(got[w1], "viewer ") || !strings.HasSuffix(got[w1], " workspace:viewer") {
			t.Errorf("lowered: %v", got)
		}
		p.saves(grant, url.Values{"workspace": {w1, w2}, "level": {w1 + " workspace:member", w2 + " workspace:viewer"}})
		got := holds(t, s, a.refreshed(t, token))
		if !strings.HasPrefix(got[w1], "member ") || !strings.HasPrefix(got[w2], "viewer ") {
			t.Errorf("raised and added: %v", got)
		}
		again := p.open(a.begin(forceConsent()).link)
		for again.status == http.StatusSeeOther {
			again = p.open(again.location)
		}
		for _, want := range []string{"already has Member", "already has Viewer", "If you untick a workspace"} {
			if !strings.Contains(again.text, want) {
				t.Errorf("the consent page does not say %q: %s", want, again.text)
			}
		}
		if got := again.ticked["workspace"]; len(got) != 2 {
			t.Errorf("ticked = %v", got)
		}
	})
}
