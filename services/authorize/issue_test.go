package authorize_test

import (
	"errors"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// The token service is away for a moment: whoever tries again has lost nothing.
func TestN317_NothingIsConsumedBeforeTheCodeExists(t *testing.T) {
	onBoth(t, func(w *world) {
		b := w.signedIn("u1")
		uri := w.mustPush()
		tx := w.begin(b, consentPage, pushed(uri))
		w.wantView(b, tx, consentPage)
		w.token.cannotIssue = fault.New(fault.Unavailable, "try again")
		for range 2 {
			if step, err := w.submit(b, tx); !errors.Is(err, fault.Unavailable) {
				w.Fatalf("SubmitConsent() = %v, %v, want %v", step, err, fault.Unavailable)
			}
		}
		w.token.cannotIssue = nil
		step, err := w.submit(b, tx)
		if err != nil {
			w.Fatal(err)
		}
		w.wantCode(step)

		// Where nobody is asked, the pushed request is still good.
		uri = w.mustPush()
		start := func() (*authorizev1.StartAuthorizationResponse, error) {
			return w.StartAuthorization(w.Context(), &authorizev1.StartAuthorizationRequest{Request: request(pushed(uri)), Browser: b.cookies()})
		}
		w.token.cannotIssue = fault.New(fault.Unavailable, "try again")
		if resp, err := start(); !errors.Is(err, fault.Unavailable) {
			w.Fatalf("StartAuthorization() = %v, %v, want %v", resp, err, fault.Unavailable)
		}
		w.token.cannotIssue = nil
		resp, err := start()
		if err != nil {
			w.Fatal(err)
		}
		w.wantCode(resp.GetNext())
	})
}

// A sign-in that leads to the code at once is not burnt either: the session that it
// began is the browser's, and goes on by a button.
func TestN317_ASignInOutlivesACodeThatCouldNotBeMade(t *testing.T) {
	w := newWorld(t)
	b := w.connected("u1")
	tx := w.begin(b, signInPage, prompt("login"))
	w.token.cannotIssue = fault.New(fault.Unavailable, "try again")
	w.wantPage(w.signIn(b, tx, "u1"), accountPage)
	if resp, err := w.GetSession(t.Context(), &authorizev1.GetSessionRequest{Browser: b.cookies()}); err != nil || resp.GetSession().GetSub() != "u1" {
		t.Errorf("GetSession() = %v, %v", resp, err)
	}
	w.wantView(b, tx, accountPage)
	_, err := w.ChooseAccount(t.Context(), &authorizev1.ChooseAccountRequest{Transaction: tx, Browser: b.cookies(), Proceed: true})
	if !errors.Is(err, fault.Unavailable) {
		t.Errorf("ChooseAccount() = %v, want %v", err, fault.Unavailable)
	}
	w.token.cannotIssue = nil
	w.wantCode(w.choose(b, tx, true))
}

// What a request without scope stood for on the page, it stands for when the user
// has answered.
func TestN303_NoDefaultGrowsBehindThePage(t *testing.T) {
	without := func(r *authorizev1.AuthorizationRequest) { r.Scope = "" }
	for name, change := range map[string]struct {
		before, after func(*registryv1.Client)
	}{
		"default of the client": {
			func(c *registryv1.Client) { c.DefaultScope = "openid" },
			func(c *registryv1.Client) { c.DefaultScope = "openid email" },
		},
		"identity scopes of the client": {
			func(c *registryv1.Client) { c.Scope = "openid" },
			func(c *registryv1.Client) { c.Scope = "openid profile email" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := w.signedIn("u1")
			change.before(w.registry.clients["c1"])
			tx := w.begin(b, consentPage, without)
			w.wantView(b, tx, consentPage)
			change.after(w.registry.clients["c1"])
			step, err := w.submit(b, tx)
			if err != nil {
				t.Fatal(err)
			}
			w.wantCode(step)
			if recorded, issued := w.consent.recorded[0].GetScope(), w.token.issued[0].GetScope(); recorded != "openid" || issued != "openid" {
				t.Errorf("recorded %q, issued %q, want openid", recorded, issued)
			}
		})
	}
}

// Of a code that nobody can make the client hears, and the transaction is over.
func TestN317_ACodeThatCannotBeMadeIsRefusedToTheClient(t *testing.T) {
	onBoth(t, func(w *world) {
		b := w.signedIn("u1")
		tx := w.begin(b, consentPage, nil)
		w.wantView(b, tx, consentPage)
		w.token.cannotIssue = oauth.Refuse(oauth.InvalidRequest, "too long together")
		step, err := w.submit(b, tx)
		if err != nil {
			w.Fatal(err)
		}
		w.wantRefusal(step, oauth.InvalidRequest)
		_, err = w.submit(b, tx)
		w.wantError(err, oauth.InvalidRequest)
	})
}

// A decision is not evaluated once more, and nothing is read twice.
func TestN317_AnApprovalAsksEachPeerOnce(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	tx := w.begin(b, consentPage, nil)
	w.wantView(b, tx, consentPage)
	evaluated, subjects := len(w.consent.asked), len(w.directory.asked)
	step, err := w.submit(b, tx)
	if err != nil {
		t.Fatal(err)
	}
	w.wantCode(step)
	if n := len(w.consent.asked) - evaluated; n != 0 {
		t.Errorf("consent was evaluated %d times more", n)
	}
	if n := len(w.directory.asked) - subjects; n != 1 || len(w.consent.recorded) != 1 || len(w.token.issued) != 1 {
		t.Errorf("asked for the subject %d times, recorded %d, issued %d", n, len(w.consent.recorded), len(w.token.issued))
	}
}

// The code lives by the clock of the database: authorize has no other, and reads it
// with the session, however old that is.
func TestN322_ACodeBeginsAtTheDatabasesTime(t *testing.T) {
	now := func() int64 { return time.Now().Unix() } //nolint:forbidigo // It is the clock of the test's databases as well.
	onBoth(t, func(w *world) {
		b := w.signedIn("u1")
		w.ageSessions()
		before := now()
		tx := w.begin(b, consentPage, nil)
		w.wantView(b, tx, consentPage)
		step, err := w.submit(b, tx)
		if err != nil {
			w.Fatal(err)
		}
		w.wantCode(step)
		issued := w.token.issued[0]
		if got := issued.GetIssueTime(); got < before || got > now() {
			w.Errorf("issue_time = %d, want between %d and %d", got, before, now())
		}
		if got := issued.GetAuthTime(); got > before-3500 {
			w.Errorf("auth_time = %d: the session is not old", got)
		}
	})
}
