package gateway_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// openWorld signs ada in with the password correct.
func openWorld(t *testing.T, change ...func(*gateway.Config)) *world {
	w := deskWorld(t, change...)
	w.authorize.open = func(req *authorizev1.OpenSessionRequest) (*authorizev1.OpenSessionResponse, error) {
		switch {
		case req.GetUsername() == "many":
			return &authorizev1.OpenSessionResponse{Outcome: authorizev1.SignInResponse_OUTCOME_TOO_MANY_ATTEMPTS, RetryAfter: durationpb.New(1500 * time.Millisecond)}, nil
		case req.GetPassword() == "down":
			return nil, rpcerr.ErrUnavailable
		case req.GetPassword() != "correct":
			return &authorizev1.OpenSessionResponse{Outcome: authorizev1.SignInResponse_OUTCOME_REFUSED}, nil
		}
		return &authorizev1.OpenSessionResponse{Outcome: authorizev1.SignInResponse_OUTCOME_SIGNED_IN, Session: "s1"}, nil
	}
	return w
}

const (
	directCookie = "__Host-signin=d1"
	directRest   = "&action=sign-in&username=ada&password=correct&next=%2Faccount%2Fapps"
)

func directForm(rest string) string { return "form_token=" + tokenFor("d1") + rest }

func TestDirectSignIn(t *testing.T) {
	w := openWorld(t)
	page := w.get("/signin?next=" + url.QueryEscape("/developer/apps/"+appID))
	page.wantStatus(t, 200)
	c := page.cookie("__Host-signin")
	if c == nil || len(c.Value) < 43 || !c.Secure || !c.HttpOnly || c.Path != "/" {
		t.Fatalf("cookie = %v", c)
	}
	for _, want := range []string{`name="next" value="/developer/apps/` + appID + `"`, tokenFor(c.Value), `name="username"`, `id="login-submit"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("page lacks %s", want)
		}
	}
	got := w.post("/signin", "form_token="+tokenFor(c.Value)+"&action=sign-in&username=ada&password=correct&next="+url.QueryEscape("/developer/apps/"+appID), "Cookie", "__Host-signin="+c.Value)
	got.wantStatus(t, 303)
	if l := got.Header.Get("Location"); l != "/developer/apps/"+appID {
		t.Errorf("Location = %s", l)
	}
	if s := got.cookie("__Host-session"); s == nil || s.Value != "s1" || !s.Secure || !s.HttpOnly {
		t.Errorf("session cookie = %v", s)
	}
	if c := got.cookie("__Host-signin"); c == nil || c.MaxAge >= 0 {
		t.Errorf("cookie of the page = %v", c)
	}
	// A second tab does not take the first one's form away.
	if again := w.get("/signin?next=%2Faccount%2Fapps", "Cookie", "__Host-signin="+c.Value); again.cookie("__Host-signin") != nil {
		t.Error("the page's cookie changes while it is open")
	}
}

func TestDirectSignInRefusals(t *testing.T) {
	w := openWorld(t)
	tests := []struct {
		name, form string
		status     int
	}{
		{"right", directRest, 303},
		{"wrong password", "&action=sign-in&username=ada&password=x&next=%2Faccount%2Fapps", 401},
		{"no password", "&action=sign-in&username=ada&next=%2Faccount%2Fapps", 400},
		{"long password", "&action=sign-in&username=ada&next=%2Faccount%2Fapps&password=" + strings.Repeat("x", 1025), 400},
		{"too many attempts", "&action=sign-in&username=many&password=x&next=%2Faccount%2Fapps", 429},
		{"directory is down", "&action=sign-in&username=ada&password=down&next=%2Faccount%2Fapps", 503},
		{"no known action", "&action=x&username=ada&password=correct&next=%2Faccount%2Fapps", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := w.post("/signin", directForm(tt.form), "Cookie", directCookie)
			got.wantStatus(t, tt.status)
			if signedIn := got.cookie("__Host-session") != nil; signedIn != (tt.status == 303) {
				t.Errorf("session: %v", signedIn)
			}
			if tt.status == 401 && (!strings.Contains(got.body, `value="ada"`) || !strings.Contains(got.body, `value="/account/apps"`) || strings.Contains(got.body, `value="x"`)) {
				t.Error("page does not keep what was typed, or keeps the password")
			}
			if tt.status == 429 && got.Header.Get("Retry-After") != "2" {
				t.Errorf("Retry-After = %q", got.Header.Get("Retry-After"))
			}
		})
	}
	cancelled := w.post("/signin", directForm("&action=cancel&next=%2Faccount%2Fapps"), "Cookie", directCookie)
	if l := cancelled.Header.Get("Location"); cancelled.StatusCode != 303 || l != "/?done=cancelled" {
		t.Errorf("cancel: %d to %s", cancelled.StatusCode, l)
	}
	if got := w.get("/?done=cancelled"); !strings.Contains(got.body, `id="cancelled"`) {
		t.Error("home does not say so")
	}
}

// N066: nobody is signed in by a form that another page sent.
func TestN066_DirectSignInIsNotForged(t *testing.T) {
	w := openWorld(t)
	w.post("/signin", directForm(directRest), "Cookie", directCookie, "Origin", issuer).wantStatus(t, 303)
	before := w.authorize.count()
	for name, tt := range map[string]struct {
		got    answer
		status int
	}{
		"no token":        {w.post("/signin", strings.TrimPrefix(directRest, "&"), "Cookie", directCookie), 403},
		"another's token": {w.post("/signin", "form_token="+tokenFor("d2")+directRest, "Cookie", directCookie), 403},
		"no cookie":       {w.post("/signin", directForm(directRest)), 403},
		"the empty one":   {w.post("/signin", "form_token="+tokenFor("")+directRest), 403},
		"two cookies":     {w.post("/signin", directForm(directRest), "Cookie", directCookie+"; "+directCookie), 403},
		"another site":    {w.post("/signin", directForm(directRest), "Cookie", directCookie, "Sec-Fetch-Site", "cross-site"), 403},
		"another origin":  {w.post("/signin", directForm(directRest), "Cookie", directCookie, "Origin", "https://evil.test"), 403},
		"a name twice":    {w.post("/signin", directForm(directRest)+"&next=%2Fapps", "Cookie", directCookie), 400},
	} {
		t.Run(name, func(t *testing.T) { tt.got.wantPage(t, tt.status) })
	}
	if w.authorize.count() != before {
		t.Error("a forged form reached the service")
	}
	// N076: credentials in an address are refused.
	w.get("/signin?next=%2Faccount%2Fapps&username=ada&password=correct").wantPage(t, 405)
}

// N069: only pages of ours are led to; anything else is the home page.
func TestN069_NextIsAPageOfOurs(t *testing.T) {
	w := openWorld(t)
	for _, next := range []string{
		"//evil.test", `/\evil.test`, "/\t/evil.test", "https://evil.test", "https:evil.test", "http:/evil.test", "javascript:alert(1)", "evil.test",
		"/account/apps@evil.test", "/account/apps.evil.test", "/account/apps//evil.test", "/account/apps/../..//evil.test", "//account/apps", " /account/apps",
		"/account/apps ", "/account/apps\r\nX: y", "/account/apps?next=//evil.test", "/account/apps#x", "/account/apps/", "/account/apps/x",
		"/account/apps/..%2f/revoke", "/account/apps/a/b/revoke", "/account/apps//revoke", "/account/apps/a/revoke/",
		"/developer/apps/", "/developer/apps/..", "/developer/apps/.", "/developer/apps/a/..", "/developer/apps/a/unknown", "/developer/apps/a?x",
		"/developer/apps/new?workspace=", "/developer/apps/new?workspace=a&b", "/developer/apps/new?workspace=//evil.test",
		"/developer/apps/" + strings.Repeat("a", 257), "/consent?tx=tx1", "/", "/signin?next=/account/apps", "/signout", "/oauth/authorize", "/ACCOUNT/apps",
		"/developer/appsx", "%2Faccount%2Fapps", "\u2215account/apps",
	} {
		got := w.get("/signin?next=" + url.QueryEscape(next))
		got.wantStatus(t, 200)
		if l := got.Header.Get("Location"); l != "" || strings.Contains(got.body, `name="password"`) || strings.Contains(got.body, "evil.test") {
			t.Errorf("GET with next=%q: Location %q", next, l)
		}
		// Whoever is signed in is led nowhere either.
		if l := w.get("/signin?next="+url.QueryEscape(next), "Cookie", signedInCookies).Header.Get("Location"); l != "" {
			t.Errorf("GET with next=%q and a session: Location %q", next, l)
		}
		posted := w.post("/signin", directForm("&action=sign-in&username=ada&password=correct&next="+url.QueryEscape(next)), "Cookie", directCookie)
		if l := posted.Header.Get("Location"); l != "" || posted.cookie("__Host-session") != nil {
			t.Errorf("POST with next=%q: %d to %q", next, posted.StatusCode, l)
		}
	}
	for _, next := range []string{
		"/account/apps", "/account/apps/" + grantID + "/revoke", "/developer/apps", "/developer/apps/new", "/developer/apps/new?workspace=" + workspaceID,
		"/developer/apps/" + appID, "/developer/apps/" + appID + "/secrets", "/developer/apps/" + appID + "/delete", "/developer/apps/" + appID + "/logo",
	} {
		posted := w.post("/signin", directForm("&action=sign-in&username=ada&password=correct&next="+url.QueryEscape(next)), "Cookie", directCookie)
		if l := posted.Header.Get("Location"); posted.StatusCode != 303 || l != next {
			t.Errorf("next=%q: %d to %q", next, posted.StatusCode, l)
		}
	}
}

// Who is signed in, lately enough for what comes next, need not do so again.
func TestDirectSignInIsSkipped(t *testing.T) {
	tests := []struct {
		name, next string
		age        time.Duration
		skipped    bool
	}{
		{"own grants", "/account/apps", 9 * time.Hour, true},
		{"the list of apps", "/developer/apps", 9 * time.Hour, true},
		{"an app, in time", "/developer/apps/" + appID, 15 * time.Minute, true},
		{"an app, later", "/developer/apps/" + appID, 15*time.Minute + time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := openWorld(t)
			w.signInAge(tt.age)
			got := w.get("/signin?next="+url.QueryEscape(tt.next), "Cookie", signedInCookies)
			if l := got.Header.Get("Location"); (l == tt.next) != tt.skipped {
				t.Errorf("status %d, Location %q", got.StatusCode, l)
			}
			if !tt.skipped && !strings.Contains(got.body, `value="u1@example"`) {
				t.Error("page does not know who signed in before")
			}
		})
	}
}

// Pages are at the root of the origin, and their cookies too, whatever the path
// of the issuer.
func TestPagesOfAnIssuerWithAPath(t *testing.T) {
	w := openWorld(t, func(c *gateway.Config) { c.Issuer = issuer + "/oauth" })
	page := w.get("/signin?next=%2Faccount%2Fapps")
	page.wantStatus(t, 200)
	if c := page.cookie("__Host-signin"); c == nil || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie = %v", c)
	}
	if !strings.Contains(page.body, `action="/signin"`) {
		t.Error("the form is posted elsewhere")
	}
	w.post("/signin", directForm(directRest), "Cookie", directCookie, "Origin", issuer).wantStatus(t, 303)
	w.get("/account/apps", "Cookie", signedInCookies).wantStatus(t, 200)
	w.get("/oauth/account/apps", "Cookie", signedInCookies).wantStatus(t, 404)
}
