package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

func TestPeopleGoThroughInABrowser(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"the demo shows the whole flow", demoShowsAll},
		{"the keyboard is enough", keyboardIsEnough},
		{"only what was picked is shared", onlyPickedIsShared},
		{"nothing is granted by a denial", denialGrantsNothing},
		{"giving up at the password tells the app", cancelTellsTheApp},
		{"consent asked for again starts from what was shared", consentAgain},
		{"a wrong password is met with a sentence", wrongPassword},
		{"another account can be used at consent", anotherAccountAtConsent},
		{"an answer can be posted", answerIsPosted},
		{"an answer can be posted without a script", answerIsPostedByHand},
		{"N320 an app on this device asks each time", loopbackAsksAgain},
		{"N009 a native app listens on a port of its choice", nativeApp},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, w) })
	}
}

// The apps of these tests listen on this machine, as an app on a user's would.
func TestPeopleAreNotAskedAgainWhereThePresetSaysSo(t *testing.T) {
	w := newWorld(t, skipping(t)...)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"a second visit shows no screen", secondVisitIsSilent},
		{"nobody can be asked with prompt=none", promptNone},
		{"an account can be chosen", accountCanBeChosen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, w) })
	}
}

func demoShowsAll(t *testing.T, w *world) {
	b := w.newProfile(t)
	b.open(w.s.Issuer + "/demo")
	b.click("#demo-start")
	b.signIn(w.demo)
	// A viewer of one workspace, and one project of the other.
	b.allow(w.northwind(), w.s.Demo.Workspaces[0].Projects[0].ID)
	b.see(".steps li:nth-child(4)")
	steps := b.text(".steps")
	for _, part := range []string{"code=", "access_token", "refresh_token", "id_token", w.demo.sub} {
		if !strings.Contains(steps, part) {
			t.Errorf("the page does not show %s", part)
		}
	}
	shown := 4
	press := func(action string) string {
		t.Helper()
		shown++
		b.click(fmt.Sprintf("button[value=%q]", action))
		return b.text(fmt.Sprintf(".steps li:nth-child(%d) .response", shown))
	}
	if got := press("userinfo"); !strings.Contains(got, w.demo.sub) {
		t.Errorf("userinfo = %s", got)
	}
	checkPicked(t, w, demoIntrospection(t, press("introspect")))
	if got := press("refresh"); !strings.Contains(got, "access_token") {
		t.Errorf("refresh = %s", got)
	}
	if got := demoIntrospection(t, press("introspect")); !got.Active {
		t.Error("the refreshed token is not active")
	}
	press("revoke")
	if got := demoIntrospection(t, press("introspect")); got.Active {
		t.Error("the revoked token is active")
	}
}

// checkPicked: the scope asks for member, the user is a viewer there; the user is
// an admin of the project, the scope asks for viewer.
func checkPicked(t *testing.T, w *world, got introspection) {
	t.Helper()
	want := introspection{
		Active: true, Sub: w.demo.sub, ClientID: got.ClientID, Scope: got.Scope,
		Workspaces: []struct{ ID, Role, Scope string }{{ID: w.northwind(), Role: "viewer"}},
		Projects:   []struct{ ID, Role, Scope string }{{ID: w.s.Demo.Workspaces[0].Projects[0].ID, Role: "viewer"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("introspection (-want +got):\n%s", diff)
	}
}

// demoIntrospection reads what the demo shows: a status line and JSON.
func demoIntrospection(t *testing.T, shown string) introspection {
	t.Helper()
	_, encoded, _ := strings.Cut(shown, "\n\n")
	var got introspection
	if err := json.Unmarshal([]byte(encoded), &got); err != nil {
		t.Fatalf("%v: %s", err, shown)
	}
	return got
}

func keyboardIsEnough(t *testing.T, w *world) {
	b := w.newProfile(t)
	press := func(keys string) { b.do(chromedp.KeyEvent(keys)) }
	reach := func(selector string) {
		t.Helper()
		b.see(selector)
		for range 40 {
			if evaluate[bool](b, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
				return
			}
			press(kb.Tab)
		}
		t.Fatalf("the Tab key does not lead to %s", selector)
	}
	b.open(w.s.Issuer + "/demo")
	reach("#demo-start")
	press(kb.Enter)
	b.see("[name=username]:focus")
	press(w.other.username + kb.Tab + w.other.password + kb.Enter)
	reach("[name=workspace]")
	press(" ")
	reach("[name=project]")
	press(" ")
	reach("#consent-allow")
	press(kb.Enter)
	b.see(".steps li:nth-child(4)")
	reach("button[value=introspect]")
	press(kb.Enter)
	got := demoIntrospection(t, b.text(".steps li:nth-child(5) .response"))
	if !got.Active || got.Sub != w.other.sub || len(got.Workspaces) != 1 || len(got.Projects) != 1 {
		t.Errorf("introspection = %+v", got)
	}
}

func onlyPickedIsShared(t *testing.T, w *world) {
	v := w.newVisited(t, "Picky", "workspace:member", "project:viewer")
	b := w.newProfile(t)
	try := v.begin()
	b.open(try.link)
	b.signIn(w.demo)
	b.see("#consent-allow")
	if shown := b.text("main"); !strings.Contains(shown, "Viewer") || !strings.Contains(shown, "Member asked; you are Viewer here") {
		t.Errorf("the page does not say which role is shared: %s", shown)
	}
	b.allow(w.northwind(), w.s.Demo.Workspaces[0].Projects[0].ID)
	b.arrives()
	checkPicked(t, w, v.introspected(t, try))
}

func denialGrantsNothing(t *testing.T, w *world) {
	v := w.newVisited(t, "Unwanted", "workspace:member")
	b := w.newProfile(t)
	try := v.begin()
	b.open(try.link)
	b.signIn(w.demo)
	b.click("#consent-deny")
	b.arrives()
	v.denied(t, try, "access_denied")
	if got := v.grants(t); len(got) != 0 {
		t.Errorf("grants = %+v", got)
	}
}

func cancelTellsTheApp(t *testing.T, w *world) {
	v := w.newVisited(t, "Given up")
	b := w.newProfile(t)
	try := v.begin()
	b.open(try.link)
	b.click("#login-cancel")
	b.arrives()
	v.denied(t, try, "access_denied")
}

func secondVisitIsSilent(t *testing.T, w *world) {
	v := w.newVisited(t, "Known", "workspace:viewer")
	b := v.visitor(t)
	b.screens(w.s.Issuer)
	try := v.begin()
	b.open(try.link)
	b.arrives()
	if got := b.screens(w.s.Issuer); len(got) > 0 {
		t.Errorf("pages shown: %v", got)
	}
	if got := v.introspected(t, try); len(got.Workspaces) != 1 || got.Workspaces[0].ID != w.acme() {
		t.Errorf("introspection = %+v", got)
	}
}

func loopbackAsksAgain(t *testing.T, w *world) {
	v := w.newVisited(t, "On this device", "workspace:viewer")
	b := v.visitor(t)
	silent := v.begin(prompt("none"))
	b.open(silent.link)
	b.arrives()
	v.denied(t, silent, "consent_required")
	b.open(v.begin().link)
	if got := b.text("#loopback"); !strings.Contains(got, "Do not copy that address") {
		t.Errorf("the page says %q", got)
	}
	b.see("#consent-allow")
}

// visitor is a browser in which the demo user has shared Acme with the app.
func (v *visited) visitor(t *testing.T) *tab {
	t.Helper()
	b := v.w.newProfile(t)
	b.open(v.begin().link)
	b.signIn(v.w.demo)
	b.allow(v.w.acme())
	b.arrives()
	v.answer(t)
	return b
}

func consentAgain(t *testing.T, w *world) {
	v := w.newVisited(t, "Changed", "workspace:viewer")
	b := v.visitor(t)
	try := v.begin(prompt("consent"))
	b.open(try.link)
	b.see("#consent-allow")
	if diff := cmp.Diff([]string{w.acme()}, b.checked("workspace")); diff != "" {
		t.Errorf("ticked (-want +got):\n%s", diff)
	}
	b.allow(w.northwind())
	b.arrives()
	if got := v.introspected(t, try); len(got.Workspaces) != 2 {
		t.Errorf("introspection = %+v", got)
	}
}

func promptNone(t *testing.T, w *world) {
	v := w.newVisited(t, "Silent", "workspace:viewer")
	known, fresh := v.visitor(t), w.newProfile(t)
	try := v.begin(prompt("none"))
	known.open(try.link)
	known.arrives()
	v.tokens(t, w.s, try, v.answer(t))
	fresh.open(try.link)
	fresh.arrives()
	v.denied(t, try, "login_required")
}

func wrongPassword(t *testing.T, w *world) {
	v := w.newVisited(t, "Forgetful")
	b := w.newProfile(t)
	try := v.begin()
	b.open(try.link)
	b.signIn(login{username: w.demo.username, password: "not this one"})
	b.see("[data-summary]:focus")
	const sentence = "do not match an account"
	for _, place := range []string{"[data-summary] a[href='#field-password']", "#complaint-password"} {
		if got := b.text(place); !strings.Contains(got, sentence) {
			t.Errorf("%s says %q", place, got)
		}
	}
	if got := strings.ToLower(b.text("main")); strings.Contains(got, "wrong") || strings.Contains(got, "invalid") || strings.Contains(got, "you entered") {
		t.Errorf("the page blames somebody: %s", got)
	}
	fields := evaluate[[]string](b, `[...document.querySelectorAll("[name=username],[name=password]")].map(i => i.value)`)
	if diff := cmp.Diff([]string{w.demo.username, ""}, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	b.signIn(w.demo)
	b.allow()
	b.arrives()
	v.tokens(t, w.s, try, v.answer(t))
}

func accountCanBeChosen(t *testing.T, w *world) {
	v := w.newVisited(t, "Choosy", "workspace:viewer")
	b := v.visitor(t)
	try := v.begin(prompt("select_account"))
	b.open(try.link)
	if got := b.text("#account-continue"); !strings.Contains(got, "Ada Demo") {
		t.Errorf("the page offers to %q", got)
	}
	b.click("#account-continue")
	b.arrives()
	if got := v.introspected(t, try); got.Sub != w.demo.sub {
		t.Errorf("sub = %s, want that of the demo user", got.Sub)
	}
	try = v.begin(prompt("select_account"))
	b.open(try.link)
	b.click("#account-switch")
	b.signIn(w.other)
	b.allow(w.acme())
	b.arrives()
	if got := v.introspected(t, try); got.Sub != w.other.sub {
		t.Errorf("sub = %s, want that of the other user", got.Sub)
	}
}

func anotherAccountAtConsent(t *testing.T, w *world) {
	v := w.newVisited(t, "Shared computer", "workspace:viewer")
	b := w.newProfile(t)
	try := v.begin()
	b.open(try.link)
	b.signIn(w.demo)
	b.click("#consent-switch")
	b.signIn(w.other)
	b.allow(w.acme())
	b.arrives()
	if got := v.introspected(t, try); got.Sub != w.other.sub {
		t.Errorf("sub = %s, want that of the other user", got.Sub)
	}
	if got := v.grants(t); len(got) != 1 || got[0].Sub != w.other.sub {
		t.Errorf("grants = %+v", got)
	}
}

// formPost asks for the answer in a form (OAuth 2.0 Form Post Response Mode).
func formPost() oauth2.AuthCodeOption { return oauth2.SetAuthURLParam("response_mode", "form_post") }

func answerIsPosted(t *testing.T, w *world) {
	v := w.newVisited(t, "Postal")
	b := w.newProfile(t)
	try := v.begin(formPost())
	b.open(try.link)
	b.signIn(w.demo)
	b.allow()
	b.arrives()
	v.posted(t, try)
}

func answerIsPostedByHand(t *testing.T, w *world) {
	v := w.newVisited(t, "By hand")
	b := w.newProfile(t)
	disabled := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, disabled); err != nil {
		t.Fatal(err)
	}
	try := v.begin(formPost())
	b.open(try.link)
	b.signIn(w.demo)
	b.click("#consent-allow")
	b.click("form[data-autosubmit] button")
	b.arrives()
	v.posted(t, try)
}

// posted checks that the answer came in a form, and that its code is good.
func (v *visited) posted(t *testing.T, try attempt) {
	t.Helper()
	answer := v.answer(t)
	if answer.Get("method") != "POST" {
		t.Errorf("the answer came by %s", answer.Get("method"))
	}
	v.tokens(t, v.w.s, try, answer)
}

func nativeApp(t *testing.T, w *world) {
	v := &visited{app: newApp(t, w.s, "openid", "workspace:viewer"), site: newSite(t), w: w}
	v.ClientID, v.ClientSecret = w.s.Demo.NativeClient.ClientID, ""
	v.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	v.RedirectURL = v.foreign + "/callback"
	b := w.newProfile(t)
	try := v.begin()
	b.open(try.link)
	b.signIn(w.demo)
	if next := b.text(".next"); !strings.Contains(next, "a program on this device, at 127.0.0.1") {
		t.Errorf("the page says %q", next)
	}
	b.allow(w.acme())
	b.arrives()
	v.tokens(t, w.s, try, v.answer(t))

	// RFC 8252 §8.6: any program on the device could be the one that asks now.
	b.screens(w.s.Issuer)
	b.open(v.begin().link)
	b.see("#consent-allow")
	if got := b.screens(w.s.Issuer); !slices.Equal(got, []string{"/consent"}) {
		t.Errorf("pages shown: %v", got)
	}
}
