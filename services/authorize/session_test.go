package authorize_test

import (
	"testing"

	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

func TestAPasswordThatIsWrongSignsNobodyIn(t *testing.T) {
	w := newWorld(t)
	b := &browser{}
	tx := w.begin(b, signInPage, nil)
	try := &authorizev1.SignInRequest{Transaction: tx, Browser: b.cookies(), Username: "u1", Password: "no"}
	resp, err := w.SignIn(t.Context(), try)
	if err != nil || resp.GetOutcome() != authorizev1.SignInResponse_OUTCOME_REFUSED || resp.GetSession() != "" || resp.GetNext() != nil {
		t.Errorf("SignIn(wrong) = %v, %v", resp, err)
	}
	w.directory.throttled = true
	resp, err = w.SignIn(t.Context(), try)
	if err != nil || resp.GetOutcome() != authorizev1.SignInResponse_OUTCOME_TOO_MANY_ATTEMPTS || resp.GetRetryAfter().AsDuration() == 0 {
		t.Errorf("SignIn(throttled) = %v, %v", resp, err)
	}
	if n := w.rows("session"); n != 0 {
		t.Errorf("%d sessions", n)
	}
	if got := w.directory.attempts[0]; got.GetAddressBlock() != "192.0.2.1/32" {
		t.Errorf("directory was asked %v", got)
	}
	w.directory.throttled = false
	w.signIn(b, tx, "u1")
}

func TestN067_SignInChangesTheSession(t *testing.T) {
	w := newWorld(t)
	b := &browser{session: "chosen by an attacker"}
	w.signIn(b, w.begin(b, signInPage, nil), "u1")
	old := &browser{session: b.session}
	w.signIn(b, w.begin(b, signInPage, prompt("login")), "u1")
	w.begin(old, signInPage, nil)
	w.begin(&browser{session: "chosen by an attacker"}, signInPage, nil)
	w.begin(b, consentPage, nil)
}

func TestN068_ASessionEndsWithWhatItStandsOn(t *testing.T) {
	tests := []struct {
		name string
		end  func(w *world, b *browser)
	}{
		{"sign-out", func(w *world, _ *browser) {
			list, err := w.ListSessions(w.Context(), &authorizev1.ListSessionsRequest{Sub: "u1"})
			if err != nil || len(list.GetSessions()) != 1 || list.GetSessions()[0].GetUserAgent() != "test" {
				w.Fatalf("ListSessions() = %v, %v", list, err)
			}
			for range 2 {
				_, err = w.EndSession(w.Context(), &authorizev1.EndSessionRequest{SessionId: list.GetSessions()[0].GetSessionId()})
				if err != nil {
					w.Fatalf("EndSession() = %v", err)
				}
			}
		}},
		{"deactivation", func(w *world, _ *browser) {
			w.directory.subjects["u1"] = &directoryv1.Subject{Sub: "u1", Version: 5, Disabled: true}
		}},
		{"password change", func(w *world, _ *browser) { w.directory.subjects["u1"] = &directoryv1.Subject{Sub: "u1", Version: 6} }},
		{"deletion", func(w *world, _ *browser) { delete(w.directory.subjects, "u1") }},
		{"another cookie", func(_ *world, b *browser) { b.session += "x" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.signedIn("u1")
			tx := w.begin(b, consentPage, nil)
			w.wantView(b, tx, consentPage)
			tt.end(w, b)
			w.begin(b, signInPage, nil)
			step, err := w.submit(b, tx)
			if err != nil {
				t.Fatal(err)
			}
			w.wantPage(step, signInPage)
			if len(w.consent.recorded) != 0 {
				t.Errorf("recorded %v", w.consent.recorded)
			}
		})
	}
}
