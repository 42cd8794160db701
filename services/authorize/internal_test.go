package authorize_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

// newInternalWorld is a world in which C1 is for the members of w1: u1 is one,
// u2 is a member of w2.
func newInternalWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.makeInternal()
	return w
}

func (w *world) makeInternal() {
	w.registry.clients["c1"].Visibility, w.registry.clients["c1"].WorkspaceId = "internal", "w1"
	w.directory.members = map[string][]string{"u1": {"w0", "w1"}, "u2": {"w2"}}
}

// wantForbidden checks the page of a user who must not know of the client.
func (w *world) wantForbidden(s *authorizev1.Step) {
	w.Helper()
	w.wantErrorPage(s, oauth.AccessDenied)
	if page := s.GetErrorPage(); !page.GetForbidden() || page.GetRedirectUriRefused() {
		w.Errorf("error page is %v", page)
	}
}

// wantNothingAllowed checks that there is no grant and no code.
func (w *world) wantNothingAllowed() {
	w.Helper()
	if len(w.consent.recorded)+len(w.token.issued) != 0 {
		w.Errorf("recorded %v, issued %v", w.consent.recorded, w.token.issued)
	}
}

func TestN018_AnInternalClientIsForTheMembersOfItsWorkspace(t *testing.T) {
	onBoth(t, func(w *world) {
		w.makeInternal()
		member, outsider := &browser{}, &browser{}
		tx := w.begin(member, signInPage, nil)
		w.wantPage(w.signIn(member, tx, "u1"), consentPage)
		if got := w.wantView(member, tx, consentPage).GetClient().GetClientName(); got != "Client c1" {
			w.Errorf("the consent page names %q", got)
		}
		w.wantCode(w.allow(member, tx))
		w.wantCode(w.start(member, nil))

		last := w.directory.asked[len(w.directory.asked)-1]
		if ids := last.GetWorkspaceIds(); len(ids) != 1 || ids[0] != "w1" {
			w.Errorf("the directory was asked %v", last)
		}

		asked, recorded, issued := len(w.consent.asked), len(w.consent.recorded), len(w.token.issued)
		tx = w.begin(outsider, signInPage, nil)
		w.wantForbidden(w.signIn(outsider, tx, "u2"))
		_, err := w.view(outsider, tx)
		w.wantError(err, oauth.AccessDenied)
		step, err := w.submit(outsider, tx)
		if err != nil {
			w.Fatal(err)
		}
		w.wantForbidden(step)
		w.wantForbidden(w.choose(outsider, tx, true))
		for _, p := range []string{"", "none", "consent", "select_account"} {
			w.wantForbidden(w.start(outsider, prompt(p)))
		}
		if len(w.consent.asked) != asked || len(w.consent.recorded) != recorded || len(w.token.issued) != issued {
			w.Errorf("asked %v, recorded %v, issued %v", w.consent.asked, w.consent.recorded, w.token.issued)
		}
	})
}

func TestN018_ThePageBeforeSignInDoesNotNameAnInternalClient(t *testing.T) {
	w := newInternalWorld(t)
	b := w.signedIn("u1")
	for name, request := range map[string]change{"signed out": nil, "signed in": prompt("login")} {
		visitor := &browser{}
		if request != nil {
			visitor = b
		}
		if view := w.wantView(visitor, w.begin(visitor, signInPage, request), signInPage); view.GetClient() != nil {
			t.Errorf("%s: the page shows %v", name, view.GetClient())
		}
	}
	if view := w.wantView(b, w.begin(b, accountPage, prompt("select_account")), accountPage); view.GetClient() == nil {
		t.Error("the page for a member does not name the client")
	}
	w.registry.clients["c1"].Visibility = "unlisted"
	if view := w.wantView(b, w.begin(b, signInPage, prompt("login")), signInPage); view.GetClient() == nil {
		t.Error("the page does not name a client that anybody may know of")
	}
}

func TestN018_EveryStepLooksWhetherTheUserIsStillAMember(t *testing.T) {
	ends := map[string]func(w *world){
		"removed":           func(w *world) { w.directory.members["u1"] = []string{"w0"} },
		"workspace deleted": func(w *world) { w.directory.members = nil },
		"without an owner": func(w *world) {
			w.registry.clients["c1"].WorkspaceId = ""
			w.directory.members["u1"] = []string{""}
		},
		"another owner": func(w *world) { w.registry.clients["c1"].WorkspaceId = "w2" },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			w := newInternalWorld(t)
			b := w.signedIn("u1")
			tx := w.begin(b, consentPage, nil)
			w.wantView(b, tx, consentPage)
			end(w)
			_, err := w.view(b, tx)
			w.wantError(err, oauth.AccessDenied)
			step, err := w.submit(b, tx)
			if err != nil {
				t.Fatal(err)
			}
			w.wantForbidden(step)
			w.wantNothingAllowed()
		})
	}
}

// The automatic path: what was allowed while the user was a member.
func TestN018_AnEarlierGrantDoesNotLetAnOutsiderIn(t *testing.T) {
	w := newInternalWorld(t)
	b := w.connected("u1")
	w.wantCode(w.start(b, prompt("none")))
	w.directory.members["u1"] = nil
	for _, p := range []string{"", "none"} {
		w.wantForbidden(w.start(b, prompt(p)))
	}
	w.registry.clients["c1"].SkipConsent = true
	w.wantForbidden(w.start(b, nil))
	// Membership of any owner is nothing to a client that is not internal.
	w.registry.clients["c1"].Visibility = "public"
	w.wantCode(w.start(b, nil))
	last := w.directory.asked[len(w.directory.asked)-1]
	if len(last.GetWorkspaceIds()) != 0 {
		t.Errorf("the directory was asked %v", last)
	}
}

func TestN018_AnOutsiderMayHaveAnotherAccount(t *testing.T) {
	w := newInternalWorld(t)
	b := &browser{}
	tx := w.begin(b, signInPage, nil)
	w.wantForbidden(w.signIn(b, tx, "u2"))
	w.wantPage(w.choose(b, tx, false), signInPage)
	if view := w.wantView(b, tx, signInPage); view.GetClient() != nil {
		t.Errorf("the page shows %v", view.GetClient())
	}
	w.wantPage(w.signIn(b, tx, "u1"), consentPage)
	w.wantCode(w.allow(b, tx))
}

// The user is gone between the password and the question for memberships.
func TestN018_WhoIsGoneIsNotSignedIn(t *testing.T) {
	w := newInternalWorld(t)
	b := &browser{}
	tx := w.begin(b, signInPage, nil)
	w.directory.afterAuthentication = func() {
		w.directory.subjects["u1"] = &directoryv1.Subject{Sub: "u1", Version: 5, Disabled: true}
	}
	w.wantPage(w.signIn(b, tx, "u1"), signInPage)
	w.wantNothingAllowed()
}
