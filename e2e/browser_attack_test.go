package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

func TestBrowsersAreNotTurnedAgainstPeople(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"N002 an unregistered redirect URI ends at a page", unregisteredRedirect},
		{"N015 an unknown client ends at a page", unknownClient},
		{"N046 the address of a page is of no use to another browser", addressOfAnotherBrowser},
		{"N047 two apps in two tabs are told apart", twoTabs},
		{"N048 going back after the end allows nothing", backAfterTheEnd},
		{"N066 another site cannot sign somebody in", forgedSignIn},
		{"N075 no page shows in a frame", noFrames},
		{"N081 another site cannot allow anything", forgedConsent},
		{"N092 consent is that of the account it was shown to", accountChangedMeanwhile},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, w) })
	}
}

func unregisteredRedirect(t *testing.T, w *world) {
	v := w.newVisited(t, "Impersonated")
	v.refusedAtOnce(t, "invalid_request", v.begin(oauth2.SetAuthURLParam("redirect_uri", v.local+"/elsewhere")))
}

func unknownClient(t *testing.T, w *world) {
	v := w.newVisited(t, "Unknown")
	v.ClientID = "00000000-0000-4000-8000-000000000000"
	v.refusedAtOnce(t, "", v.begin())
}

// refusedAtOnce checks that the attempt ends at a page that leads nowhere.
func (v *visited) refusedAtOnce(t *testing.T, code string, try attempt) {
	t.Helper()
	b := v.w.newProfile(t)
	response, err := chromedp.RunResponse(b.ctx, chromedp.Navigate(try.link))
	if err != nil {
		t.Fatal(err)
	}
	if got := header(response, "Location"); got != "" {
		t.Errorf("Location = %q", got)
	}
	b.refused(http.StatusBadRequest, code)
	if got := evaluate[int](b, `document.querySelectorAll("main a, main form, meta[http-equiv]").length`); got != 0 {
		t.Errorf("%d things on the page lead somewhere", got)
	}
	v.untouched(t)
}

func header(r *network.Response, name string) string {
	for key, value := range r.Headers {
		if strings.EqualFold(key, name) {
			return fmt.Sprint(value)
		}
	}
	return ""
}

func addressOfAnotherBrowser(t *testing.T, w *world) {
	v := w.newVisited(t, "Fixed session", "workspace:viewer")
	victim, attacker := v.visitor(t), newPerson(t, w.s)
	begun := attacker.open(v.begin(prompt("consent")).link)
	if got := attacker.open(begun.location); got.status != http.StatusOK || !strings.HasSuffix(got.action, "/signin") {
		t.Fatalf("the attacker's own browser gets %d", got.status)
	}
	for _, path := range []string{"/signin", "/account", "/consent"} {
		address, err := url.Parse(w.s.Issuer + begun.location)
		if err != nil {
			t.Fatal(err)
		}
		address.Path = path
		victim.open(address.String())
		victim.refused(http.StatusBadRequest, "invalid_request")
	}
	v.untouched(t)
}

func twoTabs(t *testing.T, w *world) {
	one, two := w.newVisited(t, "First", "workspace:viewer"), w.newVisited(t, "Second", "workspace:viewer")
	a := w.newProfile(t)
	tryOne, tryTwo := one.begin(), two.begin()
	a.open(tryOne.link)
	a.signIn(w.demo)
	a.see("#consent-allow")
	b := a.another()
	b.open(tryTwo.link)
	b.see("#consent-allow")

	a.front()
	a.allow(w.acme())
	a.arrives()
	two.untouched(t)
	if got := one.introspected(t, tryOne); got.ClientID != one.ClientID || len(got.Workspaces) != 1 {
		t.Errorf("introspection = %+v", got)
	}
	if got := two.grants(t); len(got) != 0 {
		t.Errorf("the other app has %+v", got)
	}
	b.front()
	if got := b.text("h1"); !strings.Contains(got, "Second") {
		t.Errorf("the other tab says %q", got)
	}
	b.allow(w.northwind())
	b.arrives()
	if got := two.introspected(t, tryTwo); got.ClientID != two.ClientID || got.Workspaces[0].ID != w.northwind() {
		t.Errorf("introspection = %+v", got)
	}
}

func backAfterTheEnd(t *testing.T, w *world) {
	v := w.newVisited(t, "Finished", "workspace:viewer")
	b := w.newProfile(t)
	b.open(v.begin().link)
	b.signIn(w.demo)
	b.see("#consent-allow")
	asked := evaluate[string](b, `location.href`)
	b.allow(w.acme())
	b.arrives()
	v.answer(t)
	b.do(chromedp.NavigateBack())
	b.refused(http.StatusBadRequest, "invalid_request")
	b.do(chromedp.Reload())
	b.refused(http.StatusBadRequest, "invalid_request")
	b.open(asked)
	b.refused(http.StatusBadRequest, "invalid_request")
	v.untouched(t)
}

// forgedSignIn gives the attacker all that the form holds, and the right
// password: only where the form comes from is wrong.
func forgedSignIn(t *testing.T, w *world) {
	v, attacker := w.newVisited(t, "Log-in victim"), newSite(t)
	b := w.newProfile(t)
	try := v.begin()
	b.open(try.link)
	fields := b.form("#login-submit")
	fields["username"], fields["password"], fields["action"] = []string{w.demo.username}, []string{w.demo.password}, []string{"sign-in"}
	b.attacked(attacker, w.s.Issuer+"/signin", fields)

	silent := v.begin(prompt("none"))
	b.open(silent.link)
	b.arrives()
	v.denied(t, silent, "login_required")

	// The same form, from its own page.
	b.open(v.begin().link)
	b.signIn(w.demo)
	b.see("#consent-allow")
}

// attacked has an attacker post the form from a site that is foreign, and from
// one that browsers send cookies from.
func (b *tab) attacked(by *site, action string, fields url.Values) {
	b.t.Helper()
	by.forge(b.t, action, fields)
	for _, address := range []string{by.foreign, by.local} {
		another := b.another()
		another.open(address + "/attack")
		another.refused(http.StatusForbidden, "access_denied")
	}
	b.front()
}

func forgedConsent(t *testing.T, w *world) {
	v, attacker := w.newVisited(t, "Consent victim", "workspace:viewer"), newSite(t)
	b := w.newProfile(t)
	try := v.begin()
	b.open(try.link)
	b.signIn(w.demo)
	fields := b.form("#consent-allow")
	fields["decision"], fields["workspace"] = []string{"allow"}, []string{w.acme(), w.northwind()}
	b.attacked(attacker, w.s.Issuer+"/consent", fields)
	v.untouched(t)
	if got := v.grants(t); len(got) != 0 {
		t.Errorf("grants = %+v", got)
	}
	b.allow(w.acme())
	b.arrives()
	if got := v.introspected(t, try); len(got.Workspaces) != 1 {
		t.Errorf("introspection = %+v", got)
	}
}

func accountChangedMeanwhile(t *testing.T, w *world) {
	v, elsewhere := w.newVisited(t, "Left open", "workspace:viewer"), w.newVisited(t, "Switcher")
	a := w.newProfile(t)
	a.open(v.begin().link)
	a.signIn(w.demo)
	a.see("#consent-allow")
	b := a.another()
	b.front()
	b.open(elsewhere.begin(prompt("select_account")).link)
	b.click("#account-switch")
	b.signIn(w.other)
	b.see("#consent-allow")

	a.front()
	a.allow(w.acme())
	a.refused(http.StatusBadRequest, "invalid_request")
	if got := a.text("#oauth-error"); !strings.Contains(got, "account signed in to this browser has changed") {
		t.Errorf("the page says %q", got)
	}
	v.untouched(t)
	if got := v.grants(t); len(got) != 0 {
		t.Errorf("grants = %+v", got)
	}
	// The tab that was switched goes on.
	b.front()
	b.allow()
	b.arrives()
}

func noFrames(t *testing.T, w *world) {
	v, attacker := w.newVisited(t, "Framed", "workspace:viewer"), newSite(t)
	b := w.newProfile(t)
	b.open(v.begin().link)
	b.see("#login-submit")
	framed := []string{evaluate[string](b, `location.href`)}
	b.signIn(w.demo)
	b.see("#consent-allow")
	framed = append(framed, evaluate[string](b, `location.href`), w.s.Issuer+"/", w.s.Issuer+"/oauth/authorize", w.s.Issuer+"/nowhere", w.s.Issuer+"/demo")
	var baits strings.Builder
	for _, address := range framed {
		fmt.Fprintf(&baits, `<iframe src="%s" title="bait"></iframe>`, address)
	}
	attacker.page = baits.String()
	outside := b.another()
	outside.forgiven = "frame-ancestors"
	outside.open(attacker.local + "/attack")
	outside.check() // the page has loaded, and its frames with it
	refused := outside.framesRefused(w.s.Issuer)
	if diff := cmp.Diff(len(framed), refused); diff != "" {
		t.Errorf("frames refused (-want +got):\n%s\n%v", diff, outside.said)
	}
}

// framesRefused counts what the console says about frames.
func (b *tab) framesRefused(issuer string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	said := slices.DeleteFunc(slices.Clone(b.said), func(m message) bool {
		return !strings.Contains(m.text, issuer) || !strings.Contains(m.text, b.forgiven)
	})
	return len(said)
}
