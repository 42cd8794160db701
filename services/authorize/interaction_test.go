package authorize_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

func (w *world) choose(b *browser, transaction string, proceed bool) *authorizev1.Step {
	w.Helper()
	resp, err := w.ChooseAccount(w.Context(), &authorizev1.ChooseAccountRequest{Transaction: transaction, Browser: b.cookies(), Proceed: proceed})
	if err != nil {
		w.Fatalf("ChooseAccount() = %v", err)
	}
	return resp.GetNext()
}

func (w *world) deny(b *browser, transaction string) (*authorizev1.Step, error) {
	resp, err := w.SubmitConsent(w.Context(), &authorizev1.SubmitConsentRequest{Transaction: transaction, Browser: b.cookies()})
	return resp.GetNext(), err
}

// everyCall makes each call about a pending authorization and returns its errors.
func (w *world) everyCall(b *browser, tx string) map[string]error {
	_, view := w.view(b, tx)
	_, signIn := w.SignIn(w.Context(), &authorizev1.SignInRequest{Transaction: tx, Browser: b.cookies(), Username: "u1", Password: "pw"})
	_, choose := w.ChooseAccount(w.Context(), &authorizev1.ChooseAccountRequest{Transaction: tx, Browser: b.cookies(), Proceed: true})
	_, leave := w.ChooseAccount(w.Context(), &authorizev1.ChooseAccountRequest{Transaction: tx, Browser: b.cookies()})
	_, allow := w.submit(b, tx)
	_, deny := w.deny(b, tx)
	_, cancel := w.CancelAuthorization(w.Context(), &authorizev1.CancelAuthorizationRequest{Transaction: tx, Browser: b.cookies()})
	return map[string]error{
		"GetInteraction": view, "SignIn": signIn, "ChooseAccount(proceed)": choose, "ChooseAccount(other)": leave,
		"SubmitConsent(allow)": allow, "SubmitConsent(deny)": deny, "CancelAuthorization": cancel,
	}
}

func TestN046_ATransactionIsOfTheBrowserThatBeganIt(t *testing.T) {
	w := newWorld(t)
	attacker, victim := &browser{}, w.signedIn("u1")
	victim.bindings = []string{"another"}
	tx := w.begin(attacker, signInPage, nil)
	for name, err := range w.everyCall(victim, tx) {
		if w.wantError(err, oauth.InvalidRequest); t.Failed() {
			t.Fatalf("%s", name)
		}
	}
	if len(w.token.issued)+len(w.consent.recorded) != 0 || len(w.directory.attempts) != 1 {
		t.Errorf("issued %v, recorded %v, attempts %v", w.token.issued, w.consent.recorded, w.directory.attempts)
	}
	w.wantPage(w.signIn(attacker, tx, "u1"), consentPage)
}

func TestOnlyFiveBindingsOfABrowserCount(t *testing.T) {
	w := newWorld(t)
	b := &browser{}
	tx := w.begin(b, signInPage, nil)
	own := b.bindings[0]
	b.bindings = []string{"1", "2", "3", "4", own}
	w.wantView(b, tx, signInPage)
	b.bindings = []string{"1", "2", "3", "4", "5", own}
	_, err := w.view(b, tx)
	w.wantError(err, oauth.InvalidRequest)
}

func TestN047_EachTabIsForItsOwnClient(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	first := w.begin(b, consentPage, nil)
	second := w.begin(b, consentPage, func(r *authorizev1.AuthorizationRequest) {
		r.ClientId, r.RedirectUri = "c2", "https://two.example/cb"
	})
	step := w.allow(b, first)
	w.wantCode(step)
	if got := step.GetRedirect().GetRedirectUri(); got != "https://app.example/cb" || w.token.issued[0].GetClientId() != "c1" {
		t.Errorf("answer goes to %s", got)
	}
	w.wantView(b, second, consentPage)
	if len(w.token.issued) != 1 {
		t.Errorf("issued %v", w.token.issued)
	}
}

func TestN048_ATransactionIsOverAfterItsAnswer(t *testing.T) {
	for name, end := range map[string]func(w *world, b *browser, tx string){
		"allowed": func(w *world, b *browser, tx string) { w.wantCode(w.allow(b, tx)) },
		"denied": func(w *world, b *browser, tx string) {
			step, err := w.deny(b, tx)
			if err != nil {
				w.Fatal(err)
			}
			w.wantRefusal(step, oauth.AccessDenied)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := w.signedIn("u1")
			tx := w.begin(b, consentPage, nil)
			end(w, b, tx)
			issued := len(w.token.issued)
			for call, err := range w.everyCall(b, tx) {
				if w.wantError(err, oauth.InvalidRequest); t.Failed() {
					t.Fatalf("%s", call)
				}
			}
			if len(w.token.issued) != issued {
				t.Errorf("issued %v", w.token.issued)
			}
		})
	}
}

func TestN049_N082_OneApprovalGivesOneCodeOnTwoReplicas(t *testing.T) {
	onBoth(t, func(w *world) {
		b := w.signedIn("u1")
		tx := w.begin(b, consentPage, nil)
		w.wantView(b, tx, consentPage)
		var calls atomic.Int64
		w.race(func() (*authorizev1.Step, error) {
			replicas := []authorizev1.AuthorizeServiceClient{w, w.replica}
			return w.submitTo(replicas[calls.Add(1)%2], b, tx)
		})
	})
}

// race makes sixteen calls at once, of which one gets a code.
func (w *world) race(f func() (*authorizev1.Step, error)) {
	w.Helper()
	const callers = 16
	steps, errs := make([]*authorizev1.Step, callers), make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { steps[i], errs[i] = f() })
	}
	wg.Wait()
	codes := 0
	for i := range callers {
		switch {
		case value(steps[i], "code") != "":
			codes++
		case steps[i].GetErrorPage().GetError() == string(oauth.InvalidRequestURI):
		default:
			w.wantError(errs[i], oauth.InvalidRequest)
		}
	}
	if codes != 1 {
		w.Errorf("%d codes leave, of %d that were made, want 1", codes, len(w.token.issued))
	}
}

// N029: nobody goes on without the sign-in that the request wants, and whoever
// signs in goes on as himself.
func TestN029_AFreshSignInCannotBeSkipped(t *testing.T) {
	for name, fresh := range map[string]change{
		"prompt=login": prompt("login"),
		"max_age=0":    func(r *authorizev1.AuthorizationRequest) { r.MaxAge = "0" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := w.connected("u1")
			tx := w.begin(b, signInPage, fresh)
			step, err := w.submit(b, tx)
			if err != nil {
				t.Fatal(err)
			}
			w.wantPage(step, signInPage)
			w.wantPage(w.choose(b, tx, true), signInPage)
			w.wantView(b, tx, signInPage)
			// A sign-in of another tab is none of this transaction.
			other := w.begin(b, signInPage, prompt("login"))
			w.wantCode(w.signIn(b, other, "u1"))
			w.wantView(b, tx, signInPage)
			// Another user has allowed nothing yet.
			w.wantPage(w.signIn(b, tx, "u2"), consentPage)
			w.wantCode(w.allow(b, tx))
			if last := w.token.issued[len(w.token.issued)-1]; last.GetSub() != "u2" {
				t.Errorf("code is for %s", last.GetSub())
			}
		})
	}
}

func TestN029_TheHintedUserMustBeTheOneWhoSignsIn(t *testing.T) {
	w := newWorld(t)
	b := w.connected("u2")
	hint := func(r *authorizev1.AuthorizationRequest) { r.IdTokenHint = w.token.hint(t, "u1", "c1") }
	wrong, right := w.begin(b, signInPage, hint), w.begin(b, signInPage, hint)
	w.wantRefusal(w.signIn(b, wrong, "u2"), oauth.LoginRequired)
	_, err := w.view(b, wrong)
	w.wantError(err, oauth.InvalidRequest)
	w.wantPage(w.signIn(b, right, "u1"), consentPage)
}

func TestSelectAccount(t *testing.T) {
	w := newWorld(t)
	b := w.connected("u1")
	tx := w.begin(b, accountPage, prompt("select_account"))
	if view := w.wantView(b, tx, accountPage); view.GetAccount().GetUsername() != "u1" {
		t.Errorf("account page shows %v", view.GetAccount())
	}
	step, err := w.submit(b, tx)
	if err != nil {
		t.Fatal(err)
	}
	w.wantPage(step, accountPage)
	w.wantPage(w.choose(b, tx, false), signInPage)
	w.wantView(b, tx, signInPage)
	// Back, and the other way.
	w.wantCode(w.choose(b, tx, true))

	tx = w.begin(b, accountPage, prompt("select_account"))
	w.wantPage(w.choose(b, tx, false), signInPage)
	w.wantPage(w.signIn(b, tx, "u2"), consentPage)
	// Who typed a name has chosen.
	b = &browser{}
	w.wantCode(w.signIn(b, w.begin(b, signInPage, prompt("select_account")), "u1"))
}

func TestNothingLeftToAskTakesAButton(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	first, second := w.begin(b, consentPage, nil), w.begin(b, consentPage, nil)
	w.wantCode(w.allow(b, first))
	w.wantView(b, second, accountPage)
	w.wantCode(w.choose(b, second, true))
}

func TestConsentIsOfAPageThatWasShown(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	tx := w.begin(b, consentPage, nil)
	step, err := w.submit(b, tx)
	if err != nil {
		t.Fatal(err)
	}
	w.wantPage(step, consentPage)
	w.wantCode(w.allow(b, tx))
}

func TestAPageThatComesBeforeConsentStillDoes(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	tx := w.begin(b, consentPage, nil)
	w.wantView(b, tx, consentPage)
	w.wantPage(w.choose(b, tx, false), signInPage)
	step, err := w.submit(b, tx)
	if err != nil {
		t.Fatal(err)
	}
	w.wantPage(step, signInPage)
	if len(w.consent.recorded) != 0 {
		t.Errorf("recorded %v", w.consent.recorded)
	}
}

func TestN084_ARefusedSelectionLeavesThePageOpen(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	tx := w.begin(b, consentPage, nil)
	w.wantView(b, tx, consentPage)
	_, err := w.submit(b, tx, "forged")
	w.wantError(err, oauth.AccessDenied)
	if len(w.consent.recorded)+len(w.token.issued) != 0 {
		t.Errorf("recorded %v, issued %v", w.consent.recorded, w.token.issued)
	}
	w.wantCode(w.allow(b, tx))
}

func TestN092_TheUserWhoSeesThePageIsTheUserWhoSubmitsIt(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	tx := w.begin(b, consentPage, nil)
	w.wantView(b, tx, consentPage)
	other := w.begin(b, signInPage, prompt("login"))
	w.wantPage(w.signIn(b, other, "u2"), consentPage)
	_, err := w.submit(b, tx)
	w.wantError(err, oauth.InvalidRequest)
	if len(w.consent.recorded)+len(w.token.issued) != 0 {
		t.Errorf("recorded %v, issued %v", w.consent.recorded, w.token.issued)
	}
	// The page itself can be seen again, by who is signed in now.
	w.wantCode(w.allow(b, tx))
	if got := w.token.issued[0].GetSub(); got != "u2" {
		t.Errorf("code is for %s", got)
	}
}

func TestN097_DenyingLeavesTheEarlierGrant(t *testing.T) {
	w := newWorld(t)
	b := w.connected("u1")
	recorded := len(w.consent.recorded)
	tx := w.begin(b, consentPage, prompt("consent"))
	w.wantView(b, tx, consentPage)
	step, err := w.deny(b, tx)
	if err != nil {
		t.Fatal(err)
	}
	w.wantRefusal(step, oauth.AccessDenied)
	if len(w.consent.recorded) != recorded {
		t.Errorf("recorded %v", w.consent.recorded)
	}
	w.wantCode(w.start(b, nil))
}

// What ends between request and approval ends the approval too (N060, N218).
func TestN060_N218_EveryStepExaminesTheRequestAgain(t *testing.T) {
	tests := []struct {
		name   string
		change func(w *world)
		check  func(w *world, s *authorizev1.Step)
	}{
		{
			"client deleted", func(w *world) { delete(w.registry.clients, "c1") },
			func(w *world, s *authorizev1.Step) { w.wantErrorPage(s, oauth.InvalidClient) },
		},
		{
			"redirect URI removed", func(w *world) { w.registry.clients["c1"].RedirectUris = []string{"https://new.example/cb"} },
			func(w *world, s *authorizev1.Step) { w.wantErrorPage(s, oauth.InvalidRequest) },
		},
		{
			"scope removed", func(w *world) { w.registry.clients["c1"].Scope = "openid" },
			func(w *world, s *authorizev1.Step) { w.wantRefusal(s, oauth.InvalidScope) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.signedIn("u1")
			tx, silent := w.begin(b, consentPage, nil), w.mustPush()
			w.wantView(b, tx, consentPage)
			tt.change(w)
			_, err := w.view(b, tx)
			if err == nil {
				t.Error("GetInteraction() = nil")
			}
			step, err := w.submit(b, tx)
			if err != nil {
				t.Fatal(err)
			}
			tt.check(w, step)
			tt.check(w, w.start(b, pushed(silent)))
			if len(w.consent.recorded)+len(w.token.issued) != 0 {
				t.Errorf("recorded %v, issued %v", w.consent.recorded, w.token.issued)
			}
		})
	}
}

func TestN090_TheClientThatThePageNamesIsTheOneThatIsAllowed(t *testing.T) {
	onBoth(t, func(w *world) {
		b := w.signedIn("u1")
		tx := w.begin(b, consentPage, nil)
		w.wantView(b, tx, consentPage)
		w.registry.clients["c1"].ClientName = "Bank"
		_, err := w.submit(b, tx)
		w.wantError(err, oauth.InvalidRequest)
		if len(w.consent.recorded)+len(w.token.issued) != 0 {
			w.Errorf("recorded %v, issued %v", w.consent.recorded, w.token.issued)
		}
		// The page can be seen again, with the name that it has now.
		w.wantCode(w.allow(b, tx))
		if got := w.consent.recorded[0].GetClientName(); got != "Bank" {
			w.Errorf("recorded under the name %q", got)
		}
	})
}

func TestN092_TheAccountThatIsOfferedIsTheOneThatGoesOn(t *testing.T) {
	w := newWorld(t)
	b := w.connected("u1")
	tx := w.begin(b, accountPage, prompt("select_account"))
	// Nothing was offered yet.
	w.wantPage(w.choose(b, tx, true), accountPage)
	w.wantView(b, tx, accountPage)
	w.wantPage(w.signIn(b, w.begin(b, signInPage, prompt("login")), "u2"), consentPage)
	_, err := w.ChooseAccount(t.Context(), &authorizev1.ChooseAccountRequest{Transaction: tx, Browser: b.cookies(), Proceed: true})
	w.wantError(err, oauth.InvalidRequest)
	w.wantView(b, tx, accountPage)
	w.wantPage(w.choose(b, tx, true), consentPage)
}

// The page says for which APIs it asks (RFC 8707 §2.1).
func TestConsentPageIsToldTheAPIs(t *testing.T) {
	w := newWorld(t)
	for _, apis := range [][]string{nil, {issuer}} {
		b := w.signedIn("u1")
		tx := w.begin(b, consentPage, func(r *authorizev1.AuthorizationRequest) { r.Resource = apis })
		if got := w.wantView(b, tx, consentPage).GetResource(); !slices.Equal(got, apis) {
			t.Errorf("resource = %q, want %q", got, apis)
		}
	}
}
