package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	chromepage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a browser may take for one test.
const patience = 45 * time.Second

// world is a server and a browser, which the tests of one file share. Each test
// has a profile of the browser and a client of its own.
type world struct {
	s       *server
	browser context.Context
	demo    login
	other   login
}

// login is a user who can sign in.
type login struct{ username, password, sub string }

func newWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	w := &world{s: start(t, flags...), browser: startBrowser(t)}
	w.demo = login{w.s.Demo.User.Username, w.s.Demo.User.Password, w.s.Demo.User.Sub}
	w.other = login{username: "grace", password: "correct horse battery staple"}
	made, err := w.s.try(w.other.password+"\n", "user", "create", "--username", w.other.username, "--password-stdin", "--name", "Grace Example", "--json")
	if err != nil {
		t.Fatal(err)
	}
	w.other.sub = decode[struct{ Sub string }](t, made).Sub
	w.s.chancery(t, "member", "create", "--workspace", w.acme(), "--subject", w.other.sub, "--role", "member")
	return w
}

// acme is the workspace where the demo user is an admin.
func (w *world) acme() string { return w.s.Demo.Workspaces[0].ID }

// northwind is the workspace where the demo user is a viewer.
func (w *world) northwind() string { return w.s.Demo.Workspaces[1].ID }

// startBrowser starts a browser that reaches nothing but this machine.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeBrowser := chromedp.NewContext(ctx)
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// tab is a tab of a browser. At the end of the test it fails if the console has
// said anything, or if a page has loaded anything from another origin.
type tab struct {
	t   *testing.T
	ctx context.Context
	// forgiven is a text that messages on the console may hold; with it, pages
	// that did not show may complain as well.
	forgiven string

	mu      sync.Mutex
	said    []message
	foreign []string
	// documents are the pages that were shown.
	documents []document
}

// message is one that the browser wrote to the console.
type message struct{ url, text string }

// document is a page and the status it came with.
type document struct {
	url    string
	status int64
}

// newProfile opens a tab in a browser without any cookies.
func (w *world) newProfile(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(w.browser, patience)
	t.Cleanup(cancel)
	ctx, dispose := chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(dispose)
	return newTab(ctx, t)
}

// lend makes t the test that the tab reports to, until what it returns is called.
func (b *tab) lend(t *testing.T) (giveBack func()) {
	before := b.t
	b.t = t
	return func() { b.t = before }
}

// another opens one more tab in the same profile.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	b.t.Cleanup(closeTab)
	return newTab(ctx, b.t)
}

func newTab(ctx context.Context, t *testing.T) *tab {
	t.Helper()
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	focused := emulation.SetFocusEmulationEnabledParams{Enabled: true}
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, focused); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.check)
	return b
}

// note keeps what matters of an event.
func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.said = append(b.said, message{text: fmt.Sprintf("%s: %v", e.Type, e.Args)})
	case *runtime.EventExceptionThrown:
		b.said = append(b.said, message{text: "exception: " + e.ExceptionDetails.Text})
	case *log.EventEntryAdded:
		b.said = append(b.said, message{e.Entry.URL, fmt.Sprintf("%s: %s", e.Entry.Source, e.Entry.Text)})
	case *network.EventRequestWillBeSent:
		if e.Type != network.ResourceTypeDocument && !strings.HasPrefix(e.Request.URL, "data:") && origin(e.Request.URL) != origin(e.DocumentURL) {
			b.foreign = append(b.foreign, fmt.Sprintf("%s loads %s", e.DocumentURL, e.Request.URL))
		}
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			b.documents = append(b.documents, document{e.Response.URL, e.Response.Status})
		}
	}
}

func (b *tab) check() {
	// Every event before the answer to a command has been noted by then.
	evaluate[any](b, `null`)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.said {
		if !b.excused(m) {
			b.t.Errorf("console: %s (%s)", m.text, m.url)
		}
	}
	for _, f := range b.foreign {
		b.t.Error(f)
	}
}

// excused reports whether a message only repeats the status of an error page, or
// is one that the test provokes.
func (b *tab) excused(m message) bool {
	if b.forgiven != "" && (strings.Contains(m.text, b.forgiven) || strings.HasPrefix(m.url, "chrome-error:")) {
		return true
	}
	return strings.Contains(m.text, "responded with a status of 4") &&
		slices.ContainsFunc(b.documents, func(d document) bool { return d.url == m.url && d.status >= 400 })
}

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.t.Fatalf("%v, after %v", err, b.documents)
	}
}

func evaluate[T any](b *tab, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", script, err)
	}
	return v
}

func (b *tab) open(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

// front makes the tab the one that is seen.
func (b *tab) front() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, chromepage.BringToFront, cdp.Empty{}); err != nil {
		b.t.Fatal(err)
	}
}

// see waits until something is visible.
func (b *tab) see(selector string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	b.see(selector)
	return evaluate[string](b, fmt.Sprintf(`document.querySelector(%q).textContent`, selector))
}

// checked are the values that are ticked among the inputs of a name.
func (b *tab) checked(name string) []string {
	b.t.Helper()
	return evaluate[[]string](b, fmt.Sprintf(`[...document.querySelectorAll("input[name=%s]:checked")].map(i => i.value)`, name))
}

func (b *tab) signIn(as login) {
	b.t.Helper()
	b.see("#login-submit")
	b.do(
		chromedp.SetValue(chromedp.CSS("[name=username]"), as.username),
		chromedp.SendKeys(chromedp.CSS("[name=password]"), as.password))
	b.click("#login-submit")
}

// allow ticks what is to be shared, and allows.
func (b *tab) allow(ids ...string) {
	b.t.Helper()
	b.see("#consent-allow")
	for _, id := range ids {
		b.click(fmt.Sprintf("input[value=%q]", id))
	}
	b.click("#consent-allow[data-ready]")
}

// arrives waits until the browser is at an app.
func (b *tab) arrives() {
	b.t.Helper()
	b.see("#arrived")
}

// refused waits for an error page, and checks that it is one: no redirect, a
// code, and a reference for support.
func (b *tab) refused(status int64, code string) {
	b.t.Helper()
	if text := b.text("#oauth-error"); !strings.Contains(text, code) {
		b.t.Errorf("the page says %q, want the code %s", text, code)
	}
	if b.text("#error-reference") == "" {
		b.t.Error("the page has no reference")
	}
	if got := b.last(); got.status != status {
		b.t.Errorf("%s has status %d, want %d", got.url, got.status, status)
	}
}

func (b *tab) last() document {
	b.t.Helper()
	evaluate[any](b, `null`)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.documents) == 0 {
		return document{}
	}
	return b.documents[len(b.documents)-1]
}

// screens are the paths of the issuer's pages that were shown since the last call.
func (b *tab) screens(issuer string) []string {
	b.t.Helper()
	b.last()
	b.mu.Lock()
	defer b.mu.Unlock()
	var paths []string
	for _, d := range b.documents {
		if rest, ok := strings.CutPrefix(d.url, issuer); ok {
			path, _, _ := strings.Cut(rest, "?")
			paths = append(paths, path)
		}
	}
	b.documents = nil
	return paths
}

// form is the hidden fields of the form that sel is in.
func (b *tab) form(selector string) url.Values {
	b.t.Helper()
	b.see(selector)
	encoded := evaluate[string](b, fmt.Sprintf(
		`JSON.stringify(Object.fromEntries([...document.querySelector(%q).form.querySelectorAll("[type=hidden]")].map(i => [i.name, [i.value]])))`, selector))
	fields := url.Values{}
	if err := json.Unmarshal([]byte(encoded), &fields); err != nil {
		b.t.Fatal(err)
	}
	return fields
}
