package authorize_test

import (
	"errors"
	"testing"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
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

// A sign-in that leads to the code at once is not burnt either.
func TestN317_ASignInOutlivesACodeThatCouldNotBeMade(t *testing.T) {
	w := newWorld(t)
	w.connected("u1")
	b := &browser{}
	tx := w.begin(b, signInPage, nil)
	w.token.cannotIssue = fault.New(fault.Unavailable, "try again")
	resp, err := w.SignIn(t.Context(), &authorizev1.SignInRequest{Transaction: tx, Browser: b.cookies(), Username: "u1", Password: "pw"})
	if !errors.Is(err, fault.Unavailable) {
		t.Fatalf("SignIn() = %v, %v, want %v", resp, err, fault.Unavailable)
	}
	w.token.cannotIssue = nil
	w.wantCode(w.signIn(b, tx, "u1"))
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

// Who has decided is not evaluated once more, and nothing is read twice.
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
