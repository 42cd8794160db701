package gateway_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/pkg/fault"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

const passwordForm = "password=correct+horse&new_password=battery+staple&repeat_password=battery+staple"

func TestChangePassword(t *testing.T) {
	w := deskWorld(t)
	w.authorize.password = func(req *authorizev1.ChangePasswordRequest) (*authorizev1.ChangePasswordResponse, error) {
		w.authorize.changed = append(w.authorize.changed, req.GetNewPassword())
		b := req.GetBrowser()
		if req.GetPassword() != "correct horse" || b.GetSession() != "s1" || fmt.Sprint(b.GetDevices()) != "[d0]" || b.GetAddressBlock() == "" {
			t.Errorf("asked %v", req)
		}
		return &authorizev1.ChangePasswordResponse{Outcome: authorizev1.SignInResponse_OUTCOME_SIGNED_IN, Session: "s3", Device: "d1"}, nil
	}
	apps := w.get("/account/apps", "Cookie", signedInCookies)
	if !strings.Contains(apps.body, `href="/account/password"`) {
		t.Error("the account page does not lead there")
	}
	page := w.get("/account/password", "Cookie", signedInCookies)
	page.wantStatus(t, 200)
	for _, want := range []string{"At least <bdi>8</bdi> characters, and", "All other browsers are signed out", "Apps that use your account are signed out too", `value="u1@example"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	got := w.post("/account/password", deskForm(passwordForm), "Cookie", signedInCookies+"; __Host-device-aaaaaaaa=d0")
	got.wantStatus(t, 303)
	if l := got.Header.Get("Location"); l != "/account/apps?done=password-changed" || len(w.authorize.changed) != 1 || w.authorize.changed[0] != "battery staple" {
		t.Errorf("changed %q, leads to %s", w.authorize.changed, l)
	}
	if c := got.cookie("__Host-session"); c == nil || c.Value != "s3" {
		t.Errorf("session cookie = %v, want the new session", c)
	}
	if c := got.device(); c == nil || c.Value != "d1" {
		t.Errorf("device cookie = %v", c)
	}
	if done := w.get("/account/apps?done=password-changed", "Cookie", signedInCookies); !strings.Contains(done.body, "Password changed") {
		t.Error("the account page does not say so")
	}
}

func TestChangePasswordRefusals(t *testing.T) {
	w := deskWorld(t)
	var answer *authorizev1.ChangePasswordResponse
	var fails error
	w.authorize.password = func(*authorizev1.ChangePasswordRequest) (*authorizev1.ChangePasswordResponse, error) {
		return answer, fails
	}
	form := func(present, next, again string) string {
		return url.Values{"password": {present}, "new_password": {next}, "repeat_password": {again}}.Encode()
	}
	const next = "battery staple"
	refused := &authorizev1.ChangePasswordResponse{Outcome: authorizev1.SignInResponse_OUTCOME_REFUSED}
	many := func(d time.Duration) *authorizev1.ChangePasswordResponse {
		return &authorizev1.ChangePasswordResponse{Outcome: authorizev1.SignInResponse_OUTCOME_TOO_MANY_ATTEMPTS, RetryAfter: durationpb.New(d)}
	}
	long := strings.Repeat("x", 1025)
	for _, tt := range []struct {
		name, form string
		answer     *authorizev1.ChangePasswordResponse
		fails      error
		status     int
		says       string
	}{
		{"nothing", form("", "", ""), nil, nil, 400, "Enter at least <bdi>8</bdi> characters."},
		{"no present one", form("", next, next), nil, nil, 400, "Enter your password."},
		{"a present one that is too long", form(long, next, next), nil, nil, 400, "This is not your current password."},
		{"7 characters", form("x", "1234567", "1234567"), nil, nil, 400, "Enter at least <bdi>8</bdi> characters."},
		{"1025 characters", form("x", long, long), nil, nil, 400, "Enter at most <bdi>1024</bdi> characters."},
		{"two new ones", form("x", next, next+"x"), nil, nil, 400, "The two are not the same."},
		{"one that the directory does not take", form("x", next, next), nil, fault.New(fault.Invalid, "password is a common one"), 400, "password is a common one"},
		{"a wrong present one", form("x", next, next), refused, nil, 401, "This is not your current password."},
		{"too many attempts", form("x", next, next), many(time.Hour), nil, 429, "Wait some minutes"},
		{"too many today", form("x", next, next), many(time.Hour + time.Second), nil, 429, "try again tomorrow"},
		{"away", form("x", next, next), nil, fault.New(fault.Unavailable, "later"), 503, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, fails = tt.answer, tt.fails
			got := w.post("/account/password", deskForm(tt.form), "Cookie", signedInCookies)
			got.wantStatus(t, tt.status)
			if !strings.Contains(got.body, tt.says) {
				t.Errorf("page lacks %q: %.2000s", tt.says, got.body)
			}
			if strings.Contains(got.body, next) || len(got.Cookies()) != 0 {
				t.Error("page shows a password, or has a cookie")
			}
			if tt.status == 429 && got.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
	answer, fails = nil, fault.New(fault.NotFound, "nobody is signed in")
	gone := w.post("/account/password", deskForm(passwordForm), "Cookie", signedInCookies)
	if l := gone.Header.Get("Location"); gone.StatusCode != 303 || l != "/signin?next=%2Faccount%2Fpassword" {
		t.Errorf("a session that ended meanwhile: %d to %s", gone.StatusCode, l)
	}
}

// A platform's own directory may know of no passwords.
func TestWithoutPasswordsThereIsNoPage(t *testing.T) {
	w := deskWorld(t)
	w.directory.rules = status.Error(codes.Unimplemented, "unknown method")
	w.get("/account/password", "Cookie", signedInCookies).wantPage(t, 404)
	w.post("/account/password", deskForm(passwordForm), "Cookie", signedInCookies).wantPage(t, 404)
	apps := w.get("/account/apps", "Cookie", signedInCookies)
	apps.wantStatus(t, 200)
	if strings.Contains(apps.body, "/account/password") || len(w.authorize.changed) != 0 {
		t.Error("the account page leads there, or a password was changed")
	}
	w.directory.rules = errors.New("away")
	w.get("/account/password", "Cookie", signedInCookies).wantPage(t, 500)
	if apps := w.get("/account/apps", "Cookie", signedInCookies); apps.StatusCode != 200 || strings.Contains(apps.body, "/account/password") {
		t.Errorf("account page: %d", apps.StatusCode)
	}
}
