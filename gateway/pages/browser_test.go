package pages_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/gateway/pages"
)

// site serves pages by name, with the assets of r, and takes posted forms.
type site struct {
	url   string
	posts chan url.Values
}

// newSite answers a posted form by a redirect to next, or by 204.
func newSite(t *testing.T, r *pages.Renderer, views map[string]pages.Page, next string) site {
	t.Helper()
	s := site{posts: make(chan url.Values, 8)}
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", r.Assets())
	mux.HandleFunc("GET /logos/acme.svg", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		if _, err := io.WriteString(w, sampleLogo); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /page/{name}", func(w http.ResponseWriter, req *http.Request) {
		if err := r.Render(w, http.StatusOK, views[req.PathValue("name")]); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, req *http.Request) {
		if err := req.ParseForm(); err != nil {
			t.Error(err)
		}
		s.posts <- req.PostForm
		if next == "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		http.Redirect(w, req, next, http.StatusSeeOther)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return s
}

// newBrowser opens a tab of a browser of its own. At the end of the test it
// fails if the console has said anything.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a browser: run it without -short")
	}
	opts := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	messages := chromedp.Console(ctx)
	focused := emulation.SetFocusEmulationEnabledParams{Enabled: true}
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, focused); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		const last = "the test is over"
		eval[any](ctx, t, `console.log("`+last+`")`)
		for m, err := range messages {
			if err != nil {
				t.Error(err)
				return
			}
			if m.Text == last {
				return
			}
			t.Errorf("console: %v", m)
		}
	})
	return ctx
}

func do(ctx context.Context, t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func eval[T any](ctx context.Context, t *testing.T, script string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("evaluate %s: %v", script, err)
	}
	return v
}

func TestTabFollowsReadingOrder(t *testing.T) {
	server := newSite(t, newRenderer(t), map[string]pages.Page{
		"sign-in": sampleSignIn(), "consent": sampleConsent(), "apps": sampleApps(),
		"secrets": newSecret(), "app": newApp(), "password": samplePassword(),
	}, "")
	tests := []struct {
		page string
		want []string
	}{
		{"sign-in", []string{"username", "password", "login-submit", "login-cancel", "a", "a"}},
		{"consent", []string{
			"body", "consent-switch", "summary", "workspace", "workspace", "workspace", "a",
			"consent-deny", "consent-allow", "a", "a",
		}},
		{"apps", []string{
			"body", "sign-out", "a", "a", "a", "workspace", "level", "workspace", "workspace", "save", "revoke",
			"workspace", "summary", "project", "level", "project", "project", "save", "revoke", "revoke", "a",
		}},
		{"password", []string{"body", "sign-out", "a", "a", "a", "password", "new_password", "repeat_password", "password-change", "a"}},
		{"secrets", []string{
			"body", "sign-out", "a", "a", "a", "button", "a", "a", "a", "a", "button", "secret-create", "summary", "summary",
		}},
		{"app", []string{
			"body", "sign-out", "a", "a", "a", "name", "description", "homepage_url", "policy_url", "terms_url", "visibility",
			"client_type", "redirect_uris", "summary", "token_endpoint_auth_method",
			"scope", "scope", "scope", "scope", "scope", "app-save", "a",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.page, func(t *testing.T) {
			ctx := newBrowser(t)
			do(ctx, t, chromedp.Navigate(server.url+"/page/"+tt.page), chromedp.WaitVisible(chromedp.CSS("main")))
			const focused = `(e => e.type === "submit" ? e.id || e.value : e.name || e.localName)(document.activeElement)`
			var got []string
			for range tt.want {
				got = append(got, eval[string](ctx, t, focused))
				do(ctx, t, chromedp.KeyEvent(kb.Tab))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("order of focus (-want +got):\n%s", diff)
			}
		})
	}
}

// The second click of a double click must not allow what appeared under it.
func TestN096_ApproveIgnoresAPointerUntilThePageHasSettled(t *testing.T) {
	server := newSite(t, newRenderer(t), map[string]pages.Page{"consent": sampleConsent()}, "")
	const freeze = `var clock = performance.now(); performance.now = () => clock; dispatchEvent(new Event("focus"));
		var sent = false; addEventListener("submit", e => { sent = true; e.preventDefault() })`
	tests := []struct {
		name  string
		press chromedp.Action[chromedp.Void]
		later string // milliseconds after the page got the focus
		sent  bool
	}{
		{"pointer at 499 ms", chromedp.Click(chromedp.CSS("#consent-allow")), "499", false},
		{"pointer at 500 ms", chromedp.Click(chromedp.CSS("#consent-allow")), "500", true},
		{"keyboard at once", chromedp.SendKeys(chromedp.CSS("#consent-allow"), kb.Enter), "0", true},
		{"pointer on deny at once", chromedp.Click(chromedp.CSS("#consent-deny")), "0", true},
	}
	ctx := newBrowser(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			do(ctx, t, chromedp.Navigate(server.url+"/page/consent"), chromedp.WaitVisible(chromedp.CSS("#consent-allow")))
			eval[any](ctx, t, freeze+`; clock += `+tt.later)
			do(ctx, t, tt.press)
			if sent := eval[bool](ctx, t, `sent`); sent != tt.sent {
				t.Errorf("form sent = %t, want %t", sent, tt.sent)
			}
		})
	}
}

func TestSecondSubmitIsDropped(t *testing.T) {
	server := newSite(t, newRenderer(t), map[string]pages.Page{"consent": sampleConsent()}, "")
	ctx := newBrowser(t)
	do(ctx, t, chromedp.Navigate(server.url+"/page/consent"), chromedp.WaitVisible(chromedp.CSS("main")))
	got := eval[[]bool](ctx, t, `(() => {
		const form = document.querySelector("#consent-allow").form, dropped = [];
		form.addEventListener("submit", e => dropped.push(e.defaultPrevented));
		form.requestSubmit(); form.requestSubmit();
		return dropped;
	})()`)
	if diff := cmp.Diff([]bool{false, true}, got); diff != "" {
		t.Errorf("submits dropped (-want +got):\n%s", diff)
	}
}

// Chromium applies form-action to the redirect that answers the form.
func TestConsentReachesTheClient(t *testing.T) {
	client := newSite(t, newRenderer(t), map[string]pages.Page{"callback": pages.Message{Notice: pages.NoticeCloseWindow}}, "")
	consent := sampleConsent()
	consent.RedirectURI = client.url + "/page/callback"
	server := newSite(t, newRenderer(t), map[string]pages.Page{"consent": consent}, consent.RedirectURI)
	ctx := newBrowser(t)
	do(ctx, t,
		chromedp.Navigate(server.url+"/page/consent"),
		chromedp.Click(chromedp.CSS("#consent-allow[data-ready]")),
		chromedp.WaitVisible(chromedp.CSS("#close-window")))
	want := url.Values{"tx": {"tx-1"}, "form_token": {"token-1"}, "workspace": {"w1"}, "decision": {"allow"}}
	if diff := cmp.Diff(want, <-server.posts); diff != "" {
		t.Errorf("posted form (-want +got):\n%s", diff)
	}
}

func TestFormPostSendsItself(t *testing.T) {
	client := newSite(t, newRenderer(t), nil, "")
	view := sampleFormPost()
	view.RedirectURI = client.url + "/cb"
	server := newSite(t, newRenderer(t), map[string]pages.Page{"post": view}, "")
	ctx := newBrowser(t)
	do(ctx, t, chromedp.Navigate(server.url+"/page/post"))
	want := url.Values{"code": {"c-1"}, "state": {`"><b>`}, "iss": {"https://issuer.example"}}
	if diff := cmp.Diff(want, <-client.posts); diff != "" {
		t.Errorf("posted form (-want +got):\n%s", diff)
	}
}

func TestFormPostWithoutScriptHasAButton(t *testing.T) {
	client := newSite(t, newRenderer(t), nil, "")
	view := sampleFormPost()
	view.RedirectURI = client.url + "/cb"
	server := newSite(t, newRenderer(t), map[string]pages.Page{"post": view}, "")
	ctx := newBrowser(t)
	disabled := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, disabled); err != nil {
		t.Fatal(err)
	}
	do(ctx, t, chromedp.Navigate(server.url+"/page/post"), chromedp.Click(chromedp.CSS("main button")))
	if got := (<-client.posts).Get("code"); got != "c-1" {
		t.Errorf("posted code = %q, want c-1", got)
	}
}

func TestLongListIsFilteredAndSelected(t *testing.T) {
	server := newSite(t, newRenderer(t), map[string]pages.Page{"consent": manyWorkspaces()}, "")
	ctx := newBrowser(t)
	do(ctx, t,
		chromedp.Navigate(server.url+"/page/consent"),
		chromedp.SendKeys(chromedp.CSS("[data-filter]"), "TEAM 01"+kb.Enter),
		chromedp.Click(chromedp.CSS("[data-all]")))
	if got := eval[int](ctx, t, `document.querySelectorAll("[data-item]:not([hidden])").length`); got != 10 {
		t.Errorf("filter shows %d workspaces, want 10", got)
	}
	// Four were ticked, none of which the filter shows.
	if got := eval[int](ctx, t, `document.querySelectorAll("[name=workspace]:checked").length`); got != 14 {
		t.Errorf("%d workspaces are ticked, want 14", got)
	}
	do(ctx, t, chromedp.Click(chromedp.CSS("[data-all]")))
	if got := eval[string](ctx, t, `document.querySelector("[data-count]").textContent`); got != "4 / 200 selected" {
		t.Errorf("count = %q, want 4 / 200 selected", got)
	}
}

func TestLongListOfAppsIsFiltered(t *testing.T) {
	server := newSite(t, newRenderer(t), map[string]pages.Page{"developer": manyApps()}, "")
	ctx := newBrowser(t)
	do(ctx, t,
		chromedp.Navigate(server.url+"/page/developer"),
		chromedp.SendKeys(chromedp.CSS("[data-filter]"), "app 01"))
	if got := eval[string](ctx, t, `document.querySelector("[data-count]").textContent`); got != "10 / 100" {
		t.Errorf("count = %q, want 10 / 100", got)
	}
}

func TestSecretIsCopied(t *testing.T) {
	server := newSite(t, newRenderer(t), map[string]pages.Page{"secrets": newSecret()}, "")
	ctx := newBrowser(t)
	do(ctx, t, chromedp.Navigate(server.url+"/page/secrets"), chromedp.WaitVisible(chromedp.CSS("[data-copy=client-secret]")))
	eval[any](ctx, t, `navigator.clipboard.writeText = async (text) => { window.copied = text }`)
	do(ctx, t, chromedp.Click(chromedp.CSS("[data-copy=client-secret]")))
	if got := eval[string](ctx, t, `window.copied`); got != newSecret().NewSecret {
		t.Errorf("copied %q, want %q", got, newSecret().NewSecret)
	}
}

// What a page's script adds is not there without it, and everything else is.
func TestAccountPagesWorkWithoutScript(t *testing.T) {
	server := newSite(t, newRenderer(t), map[string]pages.Page{
		"apps": sampleApps(), "secrets": newSecret(), "developer": manyApps(),
		"done": pages.Message{Notice: pages.NoticeCloseWindow},
	}, "/page/done")
	tests := []struct {
		page  string
		press []string
		want  url.Values
	}{
		{"apps", []string{"[value=revoke]"}, url.Values{
			"form_token": {"token-1"}, "session_mark": {"mark-1"}, "grant_id": {"g1"}, "revision": {"7"}, "workspace": {"w1"},
			"level": {"", "w2 workspace:member", "w3 workspace:viewer"}, "action": {"revoke"},
		}},
		{"apps", []string{"#sign-out"}, url.Values{"form_token": {"token-2"}, "action": {"sign-out"}}},
		{"secrets", []string{".confirm summary", "[value=revoke]"}, url.Values{
			"form_token": {"token-1"}, "session_mark": {"mark-1"}, "secret_id": {"s1"}, "action": {"revoke"},
		}},
	}
	ctx := newBrowser(t)
	disabled := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, disabled); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		do(ctx, t, chromedp.Navigate(server.url+"/page/"+tt.page))
		for _, selector := range tt.press {
			do(ctx, t, chromedp.Click(chromedp.CSS(selector)))
		}
		if diff := cmp.Diff(tt.want, <-server.posts); diff != "" {
			t.Errorf("%s: posted form (-want +got):\n%s", tt.page, diff)
		}
		do(ctx, t, chromedp.WaitVisible(chromedp.CSS("#close-window")))
	}
	for page, selector := range map[string]string{"secrets": "[data-copy]", "developer": "[data-tools]"} {
		do(ctx, t, chromedp.Navigate(server.url+"/page/"+page), chromedp.WaitNotVisible(chromedp.CSS(selector)))
	}
}

// What a resource is shared with is there once it is ticked.
func TestLevelsShowAtTickedResources(t *testing.T) {
	server := newSite(t, newRenderer(t), map[string]pages.Page{"apps": sampleApps()}, "")
	ctx := newBrowser(t)
	visible := func() []string {
		return eval[[]string](ctx, t, `[...document.querySelectorAll("section:first-of-type [name=level]")].filter(e => e.checkVisibility()).map(e => e.ariaLabel)`)
	}
	do(ctx, t, chromedp.Navigate(server.url+"/page/apps"), chromedp.WaitVisible(chromedp.CSS("main")))
	if diff := cmp.Diff([]string{"Access to Northwind"}, visible()); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	do(ctx, t, chromedp.Click(chromedp.CSS("[value=w1]")), chromedp.Click(chromedp.CSS("[value=w2]")))
	if diff := cmp.Diff([]string{"Access to Northwind Labs"}, visible()); diff != "" {
		t.Errorf("levels after another choice (-want +got):\n%s", diff)
	}
}

func TestErrorSummaryTakesTheFocus(t *testing.T) {
	server := newSite(t, newRenderer(t), map[string]pages.Page{"consent": refused(sampleConsent())}, "")
	ctx := newBrowser(t)
	do(ctx, t, chromedp.Navigate(server.url+"/page/consent"), chromedp.WaitVisible(chromedp.CSS("[data-summary]:focus")))
	do(ctx, t, chromedp.Click(chromedp.CSS("[data-summary] a")))
	if got := eval[string](ctx, t, `document.activeElement.id`); got != "field-workspace" {
		t.Errorf("the summary leads to %q, want field-workspace", got)
	}
}
