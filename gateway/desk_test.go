package gateway_test

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// deskPages are the pages for whoever is signed in, with a form that each takes.
// made makes the form: some count once.
var deskPages = []struct {
	path, form string
	made       func(rest string) string
}{
	{"/account/apps", "action=save&revision=7&grant_id=" + grantID + "&workspace=w1&project=p1", deskForm},
	{"/account/password", passwordForm, deskForm},
	{"/developer/apps/new", "workspace_id=" + workspaceID + "&name=New&client_type=web&redirect_uris=https%3A%2F%2Fa.example%2Fcb&scope=openid", onceForm},
	{"/developer/apps/" + appID, "revision=7&name=New", deskForm},
	{"/developer/apps/" + appID + "/secrets", "action=create", onceForm},
	{"/developer/apps/" + appID + "/delete", "confirm_name=Ledger+Sync", deskForm},
}

const onceCookies = signedInCookies + "; __Host-once=o1"

// calls is how often anything was asked to change something.
func (w *world) changes() int {
	d, c := w.developer, w.consent
	return len(d.created) + len(d.updated) + len(d.deleted) + len(d.logos) + d.secrets + len(d.revoked) + len(c.updated) + len(c.revoked) + len(w.authorize.changed)
}

// N288, N066: a form counts only from its own page, in its own session.
func TestN288_ForgedFormsChangeNothing(t *testing.T) {
	for _, p := range deskPages {
		t.Run(p.path, func(t *testing.T) {
			w := deskWorld(t)
			good := p.made(p.form)
			for name, headers := range map[string][]string{
				"another origin":        {"Origin", "https://evil.test"},
				"no origin to speak of": {"Origin", "null"},
				"another site":          {"Sec-Fetch-Site", "cross-site"},
				"a sibling":             {"Sec-Fetch-Site", "same-site"},
			} {
				got := w.post(p.path, good, append(headers, "Cookie", onceCookies)...)
				t.Run(name, func(t *testing.T) { got.wantPage(t, 403) })
			}
			rest := "&session_mark=" + mark() + "&"
			for name, form := range map[string]string{
				"no form token":       "session_mark=" + mark() + "&" + p.form,
				"an empty form token": "form_token=" + rest + p.form,
				"no mark":             strings.Replace(good, "session_mark=", "x=", 1),
			} {
				got := w.post(p.path, form, "Cookie", onceCookies)
				t.Run(name, func(t *testing.T) { got.wantPage(t, 403) })
			}
			wrong := 403
			if strings.Contains(good, tokenFor("s1 o1")) {
				// It may be one that was taken.
				wrong = 400
			}
			w.post(p.path, "form_token="+tokenFor("s2")+rest+p.form, "Cookie", onceCookies).wantPage(t, wrong)
			for name, got := range map[string]answer{
				"a parameter twice":    w.post(p.path, good+"&form_token=x", "Cookie", onceCookies),
				"something in a query": w.post(p.path+"?x=1", good, "Cookie", onceCookies),
				"JSON":                 w.post(p.path, "{}", "Cookie", onceCookies, "Content-Type", "application/json"),
			} {
				t.Run(name, func(t *testing.T) { got.wantPage(t, 400) })
			}
			if n := w.changes(); n != 0 {
				t.Fatalf("%d changes", n)
			}
			if got := w.post(p.path, good, "Cookie", onceCookies, "Origin", issuer); got.StatusCode != 303 && got.StatusCode != 201 {
				t.Errorf("the page's own form: %d %.300s", got.StatusCode, got.body)
			}
			if n := w.changes(); n != 1 {
				t.Errorf("%d changes, want 1", n)
			}
		})
	}
}

// N092: a form that was shown to one account is not taken from another.
func TestN092_FormsBelongToAnAccount(t *testing.T) {
	for _, p := range deskPages {
		w := deskWorld(t)
		w.post(p.path, p.made(p.form), "Cookie", "__Host-session=s2; __Host-once=o1").wantPage(t, 400)
		if n := w.changes(); n != 0 {
			t.Errorf("%s: %d changes", p.path, n)
		}
	}
}

// Nobody gets to these pages without a session, and everybody comes back to them.
func TestPagesLeadToTheSignIn(t *testing.T) {
	w := deskWorld(t)
	for _, path := range []string{
		"/account/apps", "/account/password", "/account/apps/" + grantID + "/revoke", "/developer/apps", "/developer/apps/new?workspace=" + workspaceID,
		"/developer/apps/" + appID, "/developer/apps/" + appID + "/secrets", "/developer/apps/" + appID + "/delete", "/developer/apps/" + appID + "/logo",
	} {
		want := "/signin?next=" + url.QueryEscape(path)
		for name, cookies := range map[string]string{"no session": "", "one that is over": "__Host-session=gone", "two": "__Host-session=s1; __Host-session=s2"} {
			got := w.get(path, "Cookie", cookies)
			got.wantStatus(t, 303)
			if l := got.Header.Get("Location"); l != want {
				t.Errorf("%s with %s leads to %s, want %s", path, name, l, want)
			}
		}
		w.get(path, "Cookie", signedInCookies).wantStatus(t, 200)
	}
	// What cannot be a page is not led back to.
	got := w.get("/developer/apps/new?workspace=%2F%2Fevil.test")
	if l := got.Header.Get("Location"); l != "/signin?next=%2Fdeveloper%2Fapps%2Fnew" {
		t.Errorf("leads to %s", l)
	}
	got = w.post("/developer/apps/"+appID, deskForm("revision=7"))
	if l := got.Header.Get("Location"); got.StatusCode != 303 || l != "/signin?next="+url.QueryEscape("/developer/apps/"+appID) {
		t.Errorf("a form without a session: %d to %s", got.StatusCode, l)
	}
}

// N288: what changes an app needs a sign-in of late; looking does not.
func TestN288_ChangesNeedARecentSignIn(t *testing.T) {
	form := "/developer/apps/" + appID
	tests := []struct {
		name   string
		age    time.Duration
		do     func(*world) answer
		signIn bool
	}{
		{"form after 15 minutes", 15 * time.Minute, func(w *world) answer { return w.get(form, "Cookie", signedInCookies) }, false},
		{"form after a second more", 15*time.Minute + time.Second, func(w *world) answer { return w.get(form, "Cookie", signedInCookies) }, true},
		{"answer after an hour", time.Hour, func(w *world) answer { return w.post(form, deskForm("revision=7&name=x"), "Cookie", signedInCookies) }, false},
		{"answer after a second more", time.Hour + time.Second, func(w *world) answer { return w.post(form, deskForm("revision=7&name=x"), "Cookie", signedInCookies) }, true},
		{"the list after hours", 9 * time.Hour, func(w *world) answer { return w.get("/developer/apps", "Cookie", signedInCookies) }, false},
		{"own grants after hours", 9 * time.Hour, func(w *world) answer { return w.get("/account/apps", "Cookie", signedInCookies) }, false},
		{"taking access back after hours", 9 * time.Hour, func(w *world) answer {
			return w.post("/account/apps", deskForm("action=confirm-revoke&grant_id="+grantID), "Cookie", signedInCookies)
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := deskWorld(t)
			w.signInAge(tt.age)
			got := tt.do(w)
			if asked := strings.HasPrefix(got.Header.Get("Location"), "/signin?"); asked != tt.signIn {
				t.Errorf("status %d, Location %q: asked to sign in: %v, want %v", got.StatusCode, got.Header.Get("Location"), asked, tt.signIn)
			}
			if tt.signIn && w.changes() > 0 {
				t.Error("something changed")
			}
		})
	}
}

// N286: an access token gets nobody to a page, whatever its scope.
func TestN286_AccessTokensAreNoSessions(t *testing.T) {
	w := deskWorld(t)
	for _, p := range deskPages {
		for name, got := range map[string]answer{
			"GET":  w.get(p.path, "Authorization", "Bearer chat_token"),
			"POST": w.post(p.path, p.made(p.form), "Authorization", "Bearer chat_token"),
		} {
			if got.StatusCode != 303 || !strings.HasPrefix(got.Header.Get("Location"), "/signin?") {
				t.Errorf("%s %s: %d to %q", name, p.path, got.StatusCode, got.Header.Get("Location"))
			}
		}
		if _, sent := w.authorize.md["authorization"]; sent {
			t.Error("the token went on to a service")
		}
	}
	w.post("/signout", "", "Authorization", "Bearer chat_token").wantStatus(t, 303)
	if n := w.changes() + len(w.authorize.ended); n != 0 {
		t.Errorf("%d changes", n)
	}
	for _, path := range []string{"/v1/clients", "/v1/users", "/admin", "/chancery.registry.v1.RegistryService/CreateClient"} {
		w.get(path, "Authorization", "Bearer chat_token").wantStatus(t, 404)
		w.post(path, "{}", "Content-Type", "application/json", "Cookie", signedInCookies).wantStatus(t, 404)
	}
}

// Forms of pages that need none, and methods that there are not.
func TestDeskMethods(t *testing.T) {
	w := deskWorld(t)
	for path, allowed := range map[string]string{
		"/account/apps": "GET, POST", "/account/apps/" + grantID + "/revoke": "GET", "/developer/apps": "GET",
		"/developer/apps/" + appID: "GET, POST", "/signout": "POST", "/apps": "GET", "/v1/openapi.json": "GET, HEAD",
		"/logos/x.png": "GET, HEAD",
	} {
		got := w.do(call{method: "DELETE", path: path})
		got.wantStatus(t, 405)
		if a := got.Header.Get("Allow"); a != allowed {
			t.Errorf("%s allows %q, want %q", path, a, allowed)
		}
	}
	for _, path := range []string{
		"/developer/apps/", "/developer/apps/x/y", "/developer/apps//secrets", "/developer/apps/%2e%2e/secrets", "/account/apps/", "/developer/apps/a%20b", "/developer/apps/../apps",
	} {
		w.get(path, "Cookie", signedInCookies).wantStatus(t, 404)
	}
}

func TestSignOut(t *testing.T) {
	w := deskWorld(t)
	w.get("/signout", "Cookie", signedInCookies).wantStatus(t, 405)
	for name, got := range map[string]answer{
		"no token":        w.post("/signout", "session_mark="+mark(), "Cookie", signedInCookies),
		"another site":    w.post("/signout", deskForm(""), "Cookie", signedInCookies, "Sec-Fetch-Site", "cross-site"),
		"another's token": w.post("/signout", "form_token="+tokenFor("s2")+"&session_mark="+mark(), "Cookie", signedInCookies),
	} {
		t.Run(name, func(t *testing.T) { got.wantPage(t, 403) })
	}
	if len(w.authorize.ended) > 0 {
		t.Fatal("a forged form ended the session")
	}
	// The form is on every page.
	if page := w.get("/account/apps", "Cookie", signedInCookies); !strings.Contains(page.body, `action="/signout"`) {
		t.Error("page has no way to sign out")
	}
	got := w.post("/signout", deskForm(""), "Cookie", signedInCookies)
	got.wantStatus(t, 303)
	if l := got.Header.Get("Location"); l != "/?done=signed-out" {
		t.Errorf("Location = %s", l)
	}
	if c := got.cookie("__Host-session"); c == nil || c.MaxAge >= 0 {
		t.Errorf("session cookie = %v", c)
	}
	if len(w.authorize.ended) != 1 || w.authorize.ended[0] != sessionID {
		t.Errorf("ended %q", w.authorize.ended)
	}
	if home := w.get("/?done=signed-out"); !strings.Contains(home.body, `id="logged-out"`) {
		t.Error("home does not say so")
	}
	// Who is not signed in is signed out.
	w.post("/signout", "", "Cookie", "__Host-session=gone").wantStatus(t, 303)
}

// A query says what has been done by a word of ours, and nothing else.
func TestNoticesAreConstants(t *testing.T) {
	w := deskWorld(t)
	if got := w.get("/account/apps?done=access-saved", "Cookie", signedInCookies); !strings.Contains(got.body, `id="done"`) {
		t.Error("page does not say what was done")
	}
	for _, done := range []string{"app-deleted", "evil", "<b>", ""} {
		if got := w.get("/account/apps?done="+url.QueryEscape(done), "Cookie", signedInCookies); strings.Contains(got.body, `id="done"`) {
			t.Errorf("page says %q", done)
		}
	}
	for _, q := range []string{"?done=evil", "?done=signed-out&x=1", ""} {
		if got := w.get("/" + q); strings.Contains(got.body, "logged-out") {
			t.Errorf("home says that somebody signed out for %q", q)
		}
	}
	w.get("/account/apps?done=access-saved&done=access-saved", "Cookie", signedInCookies).wantPage(t, 400)
}
