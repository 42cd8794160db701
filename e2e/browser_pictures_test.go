package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"golang.org/x/oauth2"
)

// album takes pictures for a person to look at. CHANCERY_SCREENSHOTS names a
// folder that keeps them.
type album struct {
	*tab
	folder string
}

// look is a way to see a page.
type look struct {
	name   string
	scheme string
	width  int64
}

func looks() []look {
	return []look{{"dark", "dark", 1280}, {"narrow", "light", 390}, {"narrow-dark", "dark", 390}, {"light", "light", 1280}}
}

func newAlbum(t *testing.T, b *tab) *album {
	t.Helper()
	a := &album{tab: b, folder: os.Getenv("CHANCERY_SCREENSHOTS")}
	if a.folder == "" {
		a.folder = t.TempDir()
	}
	return a
}

// take waits for something on the page, and takes its picture in every look. The
// page must fit each of them.
func (a *album) take(name, selector string) {
	a.t.Helper()
	a.see(selector)
	for _, l := range looks() {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}}
		if _, err := chromedp.Call(a.ctx, emulation.SetEmulatedMedia, media); err != nil {
			a.t.Fatal(err)
		}
		a.do(chromedp.EmulateViewport(l.width, 800, chromedp.EmulateScale(1)))
		if !evaluate[bool](a.tab, `document.documentElement.scrollWidth <= innerWidth`) {
			a.t.Errorf("%s is wider than its window, %s", name, l.name)
		}
		picture, err := chromedp.Run(a.ctx, chromedp.FullScreenshot(100))
		if err != nil {
			a.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(a.folder, fmt.Sprintf("flow-%s-%s.png", name, l.name)), picture, 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
}

func TestEveryPageFitsEveryWindow(t *testing.T) {
	w := newWorld(t)
	a := newAlbum(t, w.newProfile(t))
	t.Run("pages of the flow", func(t *testing.T) { a.flow(w) })
	t.Run("pages at its edges", func(t *testing.T) { a.edges(t, w) })
	t.Run("pages of accounts and developers", func(t *testing.T) { newAlbum(t, w.newProfile(t)).desk(w) })
}

// desk is the pages that people come to without an app.
func (a *album) desk(w *world) {
	home := w.s.origin()
	a.open(home + "/apps")
	a.take("directory", "nav.places")
	a.open(home + "/account/apps")
	a.take("sign-in-direct", "#login-submit")
	a.signIn(w.demo)
	a.take("account-apps", "nav.places")
	a.password(w)
	a.open(home + "/developer/apps")
	a.take("developer-apps", "nav.places")
	a.click(fmt.Sprintf("a[href*='/developer/apps/new'][href*='%s']", w.acme()))
	a.take("developer-new", "#app-save")
	a.fill(map[string]string{"name": "Harbour log", "redirect_uris": "http://public.example/callback"})
	a.click("#app-save")
	a.take("developer-mistake", "[data-summary]")
	a.fill(map[string]string{"redirect_uris": "https://public.example/callback"})
	a.click("main input[name=scope][value=openid]")
	a.click("#app-save")
	a.take("developer-created", "[data-testid=client-secret]")
	edit := home + "/developer/apps/" + a.text("#client-id")
	a.open(edit)
	a.take("developer-edit", "#app-save")
	a.open(edit + "/logo")
	a.take("developer-logo", "[name=logo]")
	a.open(edit + "/delete")
	a.take("developer-delete", "[name=confirm_name]")
}

// password is the page on which users change their password, and what it leads to.
func (a *album) password(w *world) {
	a.t.Helper()
	change := func(present, next, again string) {
		a.t.Helper()
		a.fill(map[string]string{"password": present, "new_password": next, "repeat_password": again})
		a.click("#password-change")
	}
	a.click("#change-password")
	a.take("password", "#password-change")
	// As from a browser that does not see to it that the fields are filled.
	evaluate[any](a.tab, `document.querySelector("#password-change").form.noValidate = true, null`)
	a.click("#password-change")
	a.take("password-empty", "#complaint-password")
	change("not this one", w.demo.password, w.demo.password)
	a.take("password-wrong", "main:not(:has(#complaint-new_password)) #complaint-password")
	change(w.demo.password, "short", "shorter")
	a.take("password-short", "#complaint-new_password")
	// The tests after this one sign in with the same password.
	change(w.demo.password, w.demo.password, w.demo.password)
	a.take("password-done", "#done")
}

func (a *album) flow(w *world) {
	a.open(w.s.Issuer + "/demo")
	a.take("demo-home", "#demo-start")
	a.click("#demo-start")
	a.take("sign-in", "#login-submit")
	a.signIn(login{username: w.demo.username, password: "not this one"})
	a.take("sign-in-again", "[data-summary]")
	a.signIn(w.demo)
	a.take("consent", "#consent-allow")
	a.click("summary")
	a.take("consent-details", "[open] dl")
	a.click("#consent-allow[data-ready]")
	a.take("consent-again", "[data-summary]")
	a.allow(w.northwind(), w.s.Demo.Workspaces[0].Projects[0].ID)
	a.take("demo-result", ".steps")
	a.click("button[value=introspect]")
	a.take("demo-introspection", ".steps li:nth-child(5)")
}

func (a *album) edges(t *testing.T, w *world) {
	t.Helper()
	v := w.newVisited(t, "Quarterly insights", "workspace:admin", "project:viewer", "email", "profile")
	a.open(v.begin(prompt("select_account")).link)
	a.take("account", "#account-continue")
	a.click("#account-continue")
	a.take("consent-admin", "#consent-allow")
	asked := evaluate[string](a.tab, `location.href`)
	a.click("#consent-deny")
	a.arrives()
	a.open(asked)
	a.take("error-expired", "#oauth-error")
	a.open(v.begin(oauth2.SetAuthURLParam("redirect_uri", v.local+"/elsewhere")).link)
	a.take("error-redirect", "#oauth-error")
	a.open(w.s.Issuer + "/")
	a.take("root", "#service")
	a.open(w.s.Issuer + "/nowhere")
	a.take("error-not-found", "main")
	a.open(w.s.Issuer + "/demo/callback?state=forged")
	a.take("demo-problem", "main")
	a.open(w.s.Issuer + "/demo")
	a.click("#demo-start")
	a.click("#consent-deny")
	a.take("demo-denied", ".steps")
}
