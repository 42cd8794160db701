package authorize_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/pkg/fault"
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
			if _, err := w.current(b); !errors.Is(err, fault.NotFound) {
				t.Errorf("GetSession() = %v, want %v", err, fault.NotFound)
			}
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

// open signs a user in without any authorization.
func (w *world) open(b *browser, username, password string) *authorizev1.OpenSessionResponse {
	w.Helper()
	resp, err := w.OpenSession(w.Context(), &authorizev1.OpenSessionRequest{Browser: b.cookies(), Username: username, Password: password})
	if err != nil {
		w.Fatalf("OpenSession() = %v", err)
	}
	return resp
}

func (w *world) current(b *browser) (*authorizev1.GetSessionResponse, error) {
	return w.GetSession(w.Context(), &authorizev1.GetSessionRequest{Browser: b.cookies()})
}

func TestOpenSessionSignsIn(t *testing.T) {
	onBoth(t, func(w *world) {
		claims, err := structpb.NewStruct(map[string]any{"name": "User One"})
		if err != nil {
			w.Fatal(err)
		}
		w.directory.subjects["u1"].Claims = claims
		b := &browser{}
		if _, err := w.current(b); !errors.Is(err, fault.NotFound) {
			w.Errorf("GetSession() of nobody = %v, want %v", err, fault.NotFound)
		}
		opened := w.open(b, "u1", "pw")
		if opened.GetOutcome() != authorizev1.SignInResponse_OUTCOME_SIGNED_IN || opened.GetSession() == "" || opened.GetDevice() != "device of u1" {
			w.Fatalf("OpenSession() = %v", opened)
		}
		b.session = opened.GetSession()
		got, err := w.current(b)
		if err != nil {
			w.Fatalf("GetSession() = %v", err)
		}
		s := got.GetSession()
		if age := s.GetAge(); age == nil || age.AsDuration() < 0 || age.AsDuration() > time.Minute {
			w.Errorf("the sign-in is %v old", age)
		}
		want := &authorizev1.GetSessionResponse{
			Account: &authorizev1.Account{Sub: "u1", Username: "u1", Claims: claims},
			Session: &authorizev1.Session{
				SessionId: s.GetSessionId(), Sub: "u1", UserAgent: "test",
				AuthTime: s.GetAuthTime(), ExpireTime: s.GetExpireTime(), Age: s.GetAge(),
			},
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" || s.GetSessionId() == "" || s.GetAuthTime() == nil {
			w.Errorf("GetSession() = %v: %s", got, diff)
		}
		// It is a session like any other.
		w.begin(b, consentPage, nil)
	})
}

// N068: another password ends every session of the user, and this browser goes on
// with a new one.
func TestN068_APasswordChangeEndsTheOtherSessions(t *testing.T) {
	onBoth(t, func(w *world) {
		this, other, stranger := w.signedIn("u1"), w.signedIn("u1"), w.signedIn("u2")
		cookies := this.cookies()
		cookies.Devices = []string{"d1", "d2"}
		resp, err := w.ChangePassword(w.Context(), &authorizev1.ChangePasswordRequest{Browser: cookies, Password: "pw", NewPassword: "next"})
		if err != nil || resp.GetOutcome() != authorizev1.SignInResponse_OUTCOME_SIGNED_IN || resp.GetSession() == "" || resp.GetDevice() != "device of u1" {
			w.Fatalf("ChangePassword() = %v, %v", resp, err)
		}
		asked := w.directory.changes[0]
		if asked.GetSub() != "u1" || asked.GetNewPassword() != "next" || len(asked.GetDevices()) != 2 || asked.GetAddressBlock() != "192.0.2.1/32" {
			w.Errorf("directory was asked %v", asked)
		}
		for name, dead := range map[string]*browser{"the former session": this, "another one": other} {
			if _, err := w.current(dead); !errors.Is(err, fault.NotFound) {
				w.Errorf("%s: GetSession() = %v, want %v", name, err, fault.NotFound)
			}
		}
		for name, live := range map[string]*browser{"u1": {session: resp.GetSession()}, "u2": stranger} {
			if got, err := w.current(live); err != nil || got.GetSession().GetSub() != name {
				w.Errorf("%s: GetSession() = %v, %v", name, got, err)
			}
		}
	})
}

func TestChangePasswordFails(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	change := func(b *browser, present, next string) (*authorizev1.ChangePasswordResponse, error) {
		return w.ChangePassword(w.Context(), &authorizev1.ChangePasswordRequest{Browser: b.cookies(), Password: present, NewPassword: next})
	}
	if resp, err := change(b, "no", "next"); err != nil || resp.GetOutcome() != authorizev1.SignInResponse_OUTCOME_REFUSED || resp.GetSession() != "" {
		t.Errorf("ChangePassword(wrong) = %v, %v", resp, err)
	}
	if _, err := change(b, "pw", "short"); !errors.Is(err, fault.Invalid) {
		t.Errorf("ChangePassword(short) = %v, want %v", err, fault.Invalid)
	}
	if _, err := change(&browser{}, "pw", "next"); !errors.Is(err, fault.NotFound) {
		t.Errorf("ChangePassword() of nobody = %v, want %v", err, fault.NotFound)
	}
	w.directory.throttled = true
	resp, err := change(b, "pw", "next")
	if err != nil || resp.GetOutcome() != authorizev1.SignInResponse_OUTCOME_TOO_MANY_ATTEMPTS || resp.GetRetryAfter().AsDuration() == 0 {
		t.Errorf("ChangePassword(throttled) = %v, %v", resp, err)
	}
	if _, err := w.current(b); err != nil {
		t.Errorf("GetSession() = %v, want it as it was", err)
	}
}

func TestOpenSessionFails(t *testing.T) {
	w := newWorld(t)
	b := &browser{}
	resp := w.open(b, "u1", "no")
	if resp.GetOutcome() != authorizev1.SignInResponse_OUTCOME_REFUSED || resp.GetSession() != "" {
		t.Errorf("OpenSession(wrong) = %v", resp)
	}
	w.directory.throttled = true
	resp = w.open(b, "u1", "pw")
	if resp.GetOutcome() != authorizev1.SignInResponse_OUTCOME_TOO_MANY_ATTEMPTS || resp.GetRetryAfter().AsDuration() == 0 || resp.GetSession() != "" {
		t.Errorf("OpenSession(throttled) = %v", resp)
	}
	if n := w.rows("session"); n != 0 {
		t.Errorf("%d sessions", n)
	}
	if got := w.directory.attempts[0]; got.GetAddressBlock() != "192.0.2.1/32" {
		t.Errorf("directory was asked %v", got)
	}
}

func TestN067_OpenSessionChangesTheSession(t *testing.T) {
	w := newWorld(t)
	chosen := &browser{session: "chosen by an attacker"}
	first := &browser{session: w.open(chosen, "u1", "pw").GetSession()}
	second := &browser{session: w.open(first, "u2", "pw").GetSession()}
	for _, dead := range []*browser{chosen, first} {
		if _, err := w.current(dead); !errors.Is(err, fault.NotFound) {
			t.Errorf("GetSession() = %v, want %v", err, fault.NotFound)
		}
	}
	if got, err := w.current(second); err != nil || got.GetSession().GetSub() != "u2" {
		t.Errorf("GetSession() = %v, %v", got, err)
	}
}
