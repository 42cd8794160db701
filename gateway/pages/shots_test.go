package pages_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/chancery-auth/chancery/gateway/pages"
)

// shot is one picture for a person to look at.
type shot struct {
	name  string
	view  pages.Page
	open  bool // the details
	width int64
	dark  bool
	in    string // which of the sites: "" for English, "german", "logo"
}

func shots() []shot {
	const narrow, wide = 360, 1280
	long := sampleConsent()
	long.Client.Name = longName
	unbroken := sampleSignIn()
	unbroken.Client.Name = strings.Repeat("Abcdefghij", 12)
	signInError := sampleSignIn()
	signInError.Username = "mina@northwind.example"
	signInError.Err = &pages.FormError{Errors: []pages.FieldError{{Field: pages.FieldPassword, Complaint: pages.SignInRefused}}}
	empty := sampleConsent()
	empty.Workspaces = &pages.WorkspaceChoice{Single: true}
	single := sampleSingle()
	single.RedirectURI = "http://127.0.0.1:51234/cb"
	account := every()["account"]
	localSignIn := sampleSignIn()
	localSignIn.RedirectURI = single.RedirectURI
	localAccount := pages.ConfirmAccount{Form: sampleForm, Client: sampleClient, Account: sampleAccount, RedirectURI: single.RedirectURI}
	pictured := sampleConsent()
	pictured.Client.LogoURL = "/logos/acme.svg"
	return append(framedShots(), []shot{
		{name: "sign-in", view: sampleSignIn(), width: wide},
		{name: "sign-in-dark", view: sampleSignIn(), width: wide, dark: true},
		{name: "sign-in-narrow", view: sampleSignIn(), width: narrow},
		{name: "sign-in-error", view: signInError, width: wide},
		{name: "sign-in-error-dark", view: signInError, width: narrow, dark: true},
		{name: "sign-in-unbroken-name", view: unbroken, width: narrow},
		{name: "account", view: account, width: wide},
		{name: "account-dark", view: account, width: narrow, dark: true},
		{name: "sign-in-loopback", view: localSignIn, width: wide},
		{name: "account-loopback", view: localAccount, width: narrow},
		{name: "consent-single-narrow-dark", view: single, width: narrow, dark: true},
		{name: "consent", view: sampleConsent(), width: wide},
		{name: "consent-logo", view: pictured, width: wide, in: "logo"},
		{name: "consent-logo-dark", view: pictured, width: narrow, dark: true, in: "logo"},
		{name: "consent-dark", view: sampleConsent(), width: wide, dark: true},
		{name: "consent-narrow", view: sampleConsent(), width: narrow},
		{name: "consent-narrow-dark", view: sampleConsent(), width: narrow, dark: true},
		{name: "consent-details", view: sampleConsent(), width: wide, open: true},
		{name: "consent-error", view: refused(sampleConsent()), width: wide},
		{name: "consent-german", view: germanConsent(), width: wide, in: "german"},
		{name: "consent-german-narrow", view: germanConsent(), width: narrow, in: "german"},
		{name: "consent-200-workspaces", view: manyWorkspaces(), width: wide},
		{name: "consent-200-workspaces-narrow", view: manyWorkspaces(), width: narrow},
		{name: "consent-120-characters", view: long, width: narrow},
		{name: "consent-strange-names", view: strangeNames(), width: wide},
		{name: "consent-strange-names-narrow-dark", view: strangeNames(), width: narrow, dark: true},
		{name: "consent-projects", view: sampleProjects(), width: wide},
		{name: "consent-single", view: single, width: wide},
		{name: "consent-projects-narrow-dark", view: sampleProjects(), width: narrow, dark: true},
		{name: "consent-empty", view: empty, width: wide},
		{name: "error", view: sampleError(), width: wide},
		{name: "error-dark", view: sampleError(), width: wide, dark: true},
		{name: "error-narrow", view: sampleError(), width: narrow},
		{name: "message", view: pages.Message{Notice: pages.NoticeSignedOut}, width: wide},
		{name: "message-dark", view: pages.Message{Notice: pages.NoticeCloseWindow}, width: narrow, dark: true},
	}...)
}

// framedShots has each page with a frame light, dark, narrow and narrow dark.
func framedShots() []shot {
	const narrow, wide = 360, 1280
	forbidden := pages.Error{Code: "access_denied", Reference: "01JD8Q4T7KX3", Reason: pages.ReasonForbidden}
	out := []shot{
		{name: "apps-200-workspaces", view: manyAppWorkspaces(), width: wide},
		{name: "apps-200-workspaces-narrow", view: manyAppWorkspaces(), width: narrow},
		{name: "apps-strange-names", view: strangeApps(), width: wide},
		{name: "apps-strange-names-narrow", view: strangeApps(), width: narrow, dark: true},
		{name: "apps-permissions", view: refusedLevels(), width: wide},
		{name: "apps-narrow-dark", view: sampleApps(), width: narrow, dark: true},
		{name: "apps-german", view: sampleApps(), width: narrow, in: "german"},
		{name: "developer-strange-names", view: strangeDeveloper(), width: wide},
		{name: "developer-strange-names-narrow", view: strangeDeveloper(), width: narrow},
		{name: "developer-100-apps", view: manyApps(), width: wide},
		{name: "developer-app-120-characters", view: longApp(), width: narrow},
		{name: "developer-app-details", view: sampleApp(), width: wide, open: true},
		{name: "developer-secrets-revoke", view: sampleSecrets(), width: wide, open: true},
		{name: "apps-brand", view: sampleApps(), width: wide, in: "logo"},
		{name: "apps-brand-tablet", view: sampleApps(), width: 800, dark: true, in: "logo"},
		{name: "error-forbidden", view: forbidden, width: wide},
	}
	for name, view := range everyFramed() {
		out = append(out,
			shot{name: name, view: view, width: wide},
			shot{name: name + "-dark", view: view, width: wide, dark: true},
			shot{name: name + "-narrow", view: view, width: narrow})
	}
	return out
}

// Every page fits its window, labels its inputs and says nothing on the
// console. CHANCERY_SCREENSHOTS names a folder that keeps the pictures.
func TestPagesInABrowser(t *testing.T) {
	folder := os.Getenv("CHANCERY_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	views := map[string]pages.Page{}
	for _, s := range shots() {
		views[s.name] = s.view
	}
	sites := map[string]site{
		"":       newSite(t, newRenderer(t), views, ""),
		"german": newSite(t, newGerman(t), views, ""),
		"logo":   newSite(t, newWithLogo(t), views, ""),
	}
	ctx := newBrowser(t)
	for _, s := range shots() {
		t.Run(s.name, func(t *testing.T) {
			open(ctx, t, s, sites[s.in].url+"/page/"+s.name)
			checkLayout(ctx, t)
			takePicture(ctx, t, filepath.Join(folder, s.name+".png"))
		})
	}
}

func open(ctx context.Context, t *testing.T, s shot, address string) {
	t.Helper()
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		t.Fatal(err)
	}
	do(ctx, t,
		chromedp.EmulateViewport(s.width, 800, chromedp.EmulateScale(1)),
		chromedp.Navigate(address),
		chromedp.WaitVisible(chromedp.CSS("main")))
	if s.open {
		do(ctx, t, chromedp.Click(chromedp.CSS("summary")))
	}
}

func checkLayout(ctx context.Context, t *testing.T) {
	t.Helper()
	if !eval[bool](ctx, t, `document.documentElement.scrollWidth <= innerWidth`) {
		t.Error("the page is wider than its window")
	}
	unlabelled := eval[[]string](ctx, t, `[...document.querySelectorAll("input:not([type=hidden]),select,textarea")]
		.filter(i => !i.labels.length && !i.ariaLabel).map(i => i.outerHTML)`)
	if len(unlabelled) > 0 {
		t.Errorf("inputs without a label: %q", unlabelled)
	}
	nameless := eval[[]string](ctx, t, `[...document.querySelectorAll("button,a")]
		.filter(b => !b.textContent.trim()).map(b => b.outerHTML)`)
	if len(nameless) > 0 {
		t.Errorf("buttons or links without a name: %q", nameless)
	}
	// WCAG 2.2, success criterion 2.5.8.
	small := eval[[]string](ctx, t, `[...document.querySelectorAll("button,label:has(input),summary")]
		.filter(b => b.checkVisibility() && b.getBoundingClientRect().height < 24).map(b => b.outerHTML)`)
	if len(small) > 0 {
		t.Errorf("targets lower than 24 pixels: %q", small)
	}
}

func takePicture(ctx context.Context, t *testing.T, file string) {
	t.Helper()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
