package pages_test

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/chancery-auth/chancery/gateway/pages"
)

// The names that browsers and conformance suites drive on the account, developer
// and directory pages.
func TestFramedFormContract(t *testing.T) {
	type attrs = map[string]string
	tests := []struct {
		page  string
		tag   string
		attrs attrs
		count int
	}{
		{"sign-in-own", "input", attrs{"type": "hidden", "name": "next", "value": "/account/apps"}, 1},
		{"sign-in-own", "input", attrs{"name": "tx"}, 0},
		{"sign-in-own", "button", attrs{"id": "login-submit", "name": "action", "value": "sign-in"}, 1},
		{"sign-in-unnamed", "input", attrs{"name": "tx", "value": "tx-1"}, 1},
		{"sign-in-unnamed", "input", attrs{"name": "next"}, 0},
		{"apps", "form", attrs{"method": "post", "action": "/signout"}, 1},
		{"apps", "button", attrs{"id": "sign-out"}, 1},
		{"apps", "a", attrs{"href": "/account/apps", "aria-current": "true"}, 1},
		{"apps", "a", attrs{"href": "/developer/apps"}, 1},
		{"apps", "a", attrs{"href": "/apps"}, 1},
		{"apps", "input", attrs{"type": "hidden", "name": "grant_id"}, 3},
		{"apps", "input", attrs{"type": "checkbox", "name": "workspace"}, 4},
		{"apps", "input", attrs{"type": "radio", "name": "workspace"}, 0},
		{"apps", "input", attrs{"type": "hidden", "name": "revision", "value": "7"}, 1},
		{"apps", "select", attrs{"name": "level"}, 6},
		{"apps", "select", attrs{"name": "level", "aria-label": "Access to Northwind Labs"}, 1},
		{"apps", "option", attrs{"value": "w1 workspace:admin"}, 1},
		{"apps", "option", attrs{"value": "w2 workspace:member", "selected": ""}, 1},
		{"apps", "option", attrs{"value": "", "selected": ""}, 3},
		{"apps", "input", attrs{"type": "checkbox", "name": "level"}, 6},
		{"apps", "input", attrs{"type": "checkbox", "name": "level", "checked": ""}, 4},
		{"apps", "input", attrs{"type": "hidden", "name": "had", "value": "w1 project:read image:tag"}, 1},
		{"apps", "details", attrs{"open": ""}, 0},
		{"apps-refused-level", "details", attrs{"open": ""}, 1},
		{"apps-refused-level", "a", attrs{"href": "#field-level-w1-g2"}, 1},
		{"apps-refused-level", "input", attrs{"name": "level", "id": "field-level-w1-g2"}, 1},
		{"apps-refused-level", "fieldset", attrs{"aria-describedby": "complaint-level-w1-g2"}, 1},
		{"apps", "input", attrs{"type": "checkbox", "name": "project"}, 3},
		{"apps", "input", attrs{"name": "workspace", "value": "w1", "checked": ""}, 2},
		{"apps", "button", attrs{"name": "action", "value": "save"}, 2},
		{"apps", "button", attrs{"name": "action", "value": "revoke", "formnovalidate": ""}, 3},
		{"apps", "time", attrs{"datetime": "2026-03-09T23:59:00Z"}, 3},
		{"apps", "a", attrs{"href": "/account/apps?page=2", "rel": "next"}, 1},
		{"apps-refused", "a", attrs{"href": "#field-workspace-g1"}, 1},
		{"apps-refused", "p", attrs{"id": "complaint-workspace-g1"}, 1},
		{"revoke", "input", attrs{"type": "hidden", "name": "grant_id", "value": "g1"}, 1},
		{"revoke", "button", attrs{"name": "action", "value": "confirm-revoke"}, 1},
		{"revoke", "a", attrs{"href": "/account/apps", "aria-current": "true"}, 1},
		{"apps", "a", attrs{"id": "change-password"}, 0},
		{"apps-password-changed", "a", attrs{"id": "change-password", "href": "/account/password"}, 1},
		{"password", "a", attrs{"href": "/account/apps", "aria-current": "true"}, 1},
		{"password", "input", attrs{"autocomplete": "username", "value": "mina@northwind.example", "hidden": ""}, 1},
		{"password", "input", attrs{"type": "password", "name": "password", "value": "", "autocomplete": "current-password", "required": ""}, 1},
		{"password", "input", attrs{"type": "password", "name": "new_password", "value": "", "autocomplete": "new-password", "required": ""}, 1},
		{"password", "input", attrs{"type": "password", "name": "repeat_password", "value": "", "autocomplete": "new-password", "required": ""}, 1},
		{"password", "button", attrs{"id": "password-change"}, 1},
		{"password-refused", "a", attrs{"href": "#field-new_password"}, 1},
		{"password-refused", "input", attrs{"name": "password", "value": "", "aria-invalid": "true", "aria-describedby": "hint-password complaint-password"}, 1},
		{"developer", "a", attrs{"href": "/developer/apps/new?workspace=w1"}, 1},
		{"developer", "a", attrs{"href": "/developer/apps/a1"}, 3},
		{"developer", "button", attrs{"data-copied": "Copied", "hidden": ""}, 3},
		{"developer-app-new", "input", attrs{"name": "name"}, 1},
		{"developer-app-new", "textarea", attrs{"name": "description"}, 1},
		{"developer-app-new", "input", attrs{"name": "homepage_url"}, 1},
		{"developer-app-new", "input", attrs{"name": "policy_url"}, 1},
		{"developer-app-new", "input", attrs{"name": "terms_url"}, 1},
		{"developer-app-new", "textarea", attrs{"name": "redirect_uris"}, 1},
		{"developer-app-new", "input", attrs{"type": "radio", "name": "client_type"}, 2},
		{"developer-app-new", "input", attrs{"type": "radio", "name": "client_type", "value": "web", "checked": ""}, 1},
		{"developer-app-new", "select", attrs{"name": "token_endpoint_auth_method"}, 1},
		{"developer-app-new", "option", attrs{"value": ""}, 1},
		{"developer-app-new", "input", attrs{"type": "checkbox", "name": "scope"}, 5},
		{"developer-app-new", "input", attrs{"type": "checkbox", "name": "scope", "checked": ""}, 2},
		{"developer-app-new", "input", attrs{"type": "radio", "name": "visibility"}, 3},
		{"developer-app-new", "input", attrs{"type": "hidden", "name": "workspace_id", "value": "w1"}, 1},
		{"developer-app-new", "input", attrs{"name": "revision"}, 0},
		{"developer-app", "input", attrs{"type": "hidden", "name": "revision", "value": "7"}, 1},
		{"developer-app", "input", attrs{"type": "hidden", "name": "client_type", "value": "web"}, 1},
		{"developer-app", "input", attrs{"type": "radio", "name": "client_type"}, 0},
		{"developer-app", "option", attrs{"value": "client_secret_post", "selected": ""}, 1},
		{"developer-app", "input", attrs{"name": "visibility", "value": "public", "checked": ""}, 1},
		{"developer-app", "button", attrs{"id": "app-save", "name": "action", "value": "save"}, 1},
		{"developer-app", "a", attrs{"href": "/developer/apps/a1", "aria-current": "page"}, 1},
		{"developer-app-refused", "a", attrs{"href": "#field-redirect_uris"}, 1},
		{"developer-app-refused", "textarea", attrs{"name": "redirect_uris", "aria-invalid": "true", "aria-describedby": "hint-redirect_uris complaint-redirect_uris"}, 1},
		{"developer-app-refused", "div", attrs{"id": "changed"}, 1},
		{"developer-secrets", "*", attrs{"data-testid": "client-secret"}, 0},
		{"developer-secrets", "button", attrs{"name": "action", "value": "create"}, 1},
		{"developer-secrets", "button", attrs{"name": "action", "value": "revoke"}, 2},
		{"developer-secrets", "input", attrs{"type": "hidden", "name": "secret_id", "value": "s2"}, 1},
		{"developer-secret-new", "*", attrs{"data-testid": "client-secret"}, 1},
		{"developer-secretless", "button", attrs{"name": "action", "value": "create"}, 0},
		{"developer-delete", "input", attrs{"name": "confirm_name", "value": ""}, 1},
		{"developer-delete-refuse", "input", attrs{"name": "confirm_name", "value": "acme reports"}, 1},
		{"developer-logo", "form", attrs{"method": "post", "enctype": "multipart/form-data"}, 1},
		{"developer-logo", "input", attrs{"type": "file", "name": "logo", "accept": "image/png,image/jpeg"}, 1},
		{"developer-logo", "button", attrs{"name": "action", "value": "remove"}, 1},
		{"directory", "form", attrs{"method": "get", "action": "/apps"}, 1},
		{"directory", "input", attrs{"type": "search", "name": "q", "value": "report"}, 1},
		{"directory", "a", attrs{"href": "/apps?page=2", "rel": "next"}, 1},
		{"directory", "a", attrs{"href": "https://app1.example/", "rel": "noopener noreferrer"}, 1},
		{"directory-signed-out", "a", attrs{"href": "/signin"}, 1},
		{"directory-signed-out", "button", attrs{"id": "sign-out"}, 0},
	}
	docs := map[string]document{}
	for name, page := range everyFramed() {
		docs[name] = render(t, page)
	}
	for _, tt := range tests {
		if got := len(docs[tt.page].find(tt.tag, tt.attrs)); got != tt.count {
			t.Errorf("%s: %d elements %s%v, want %d", tt.page, got, tt.tag, tt.attrs, tt.count)
		}
	}
}

func TestFramedPageSays(t *testing.T) {
	owned := sampleApps()
	unpinned, wordless := sampleApps(), sampleApps()
	unpinned.Apps[1].Workspaces.Options = nil
	wordless.Apps[0].Workspaces.Options[0].Levels.Options[0].Label = ""
	owned.Apps[0].LastUse = time.Date(2026, time.December, 31, 23, 30, 0, 0, time.FixedZone("", -3600))
	tests := []struct {
		name string
		page pages.Page
		want string
	}{
		{"who is signed in", sampleApps(), "Signed in as M Mina Okafor mina@northwind.example Sign out"},
		{"homepage host", sampleApps(), "Acme Reports reports.acme.example Allowed on 9 March 2026"},
		{"never used", sampleApps(), "Last used: never"},
		{"days are those of UTC", owned, "Last used: 1 January 2027"},
		{"N321 reuse within the window", sampleApps(), "Renewed its access from two places at once, as some apps do. Last on 22 November 2026"},
		{"N321 late reuse", sampleApps(), "If that surprises you, revoke its access. Last on 10 March 2026"},
		{"unverified app to its developer", sampleApp(), "People see this app marked as unverified until Railyard has checked it."},
		{"authentication methods side by side", sampleApp(), "(client_secret_basic) or Secret in the request body (client_secret_post)"},
		{"unverified app", sampleApps(), "It says that its website is chat.example. Unverified app"},
		{"owner", sampleApps(), "Registered by Northwind"},
		{"risk in words", sampleApps(), "Manage members and billing Full control"},
		{"capped role", sampleApps(), "Member asked; you are Viewer here, so Viewer is shared."},
		{"what some of several scopes say", sampleApps(), "Access: See projects, Tag images and 2 more"},
		{"no scope at all", refusedLevels(), "Access: none chosen Access to Northwind Choose at least one permission for Northwind, or untick it."},
		{"another workspace is chosen elsewhere", sampleApps(), "Another workspace is chosen when the app asks for it."},
		{"nothing left of one workspace", unpinned, "No workspace is shared Another workspace is chosen when the app asks for it."},
		{"what it has has no words", wordless, "Access: As it is now"},
		{"after a change", sampleApps(), "Acme Reports can now use only what is ticked below."},
		{"after revocation", everyFramed()["apps-none"], "Acme Reports can no longer use your account."},
		{"after revocation of what is not named", pages.AuthorizedApps{Frame: framed(&pages.Done{Outcome: pages.OutcomeAccessRevoked}), Form: ownForm}, "The app can no longer use your account."},
		{"no app", everyFramed()["apps-none"], "You have not allowed any app"},
		{"what revocation ends", sampleRevoke(), "It will no longer be able to See your name and email address"},
		{"what revocation takes away", sampleRevoke(), "It loses access to Northwind Northwind Labs"},
		{"type, visibility and last use", sampleDeveloper(), "Acme Reports Web app Public Last used: 21 November 2026 Client ID 6f1d7c1e"},
		{"workspace without apps", sampleDeveloper(), "Northwind Labs New app This workspace has no apps yet."},
		{"nobody's admin", everyFramed()["developer-none"], "You are not an admin of any workspace"},
		{"the registry's sentence", refusedApp(), "Redirect URI must not have a fragment"},
		{"another's change", refusedApp(), "This app was changed while you were editing it"},
		{"what is typed", refusedApp(), "http://reports.acme.example/cb#top"},
		{"what is refused", newApp(), "What is refused http, except to localhost, 127.0.0.1 or [::1]."},
		{"hint of a secret", sampleSecrets(), "…x7Qe Created on 9 March 2026 Last used: 21 November 2026"},
		{"new secret", newSecret(), "New client secret rycs_4Zk0mJ1v8sQ2nXrT7uYwB5cD9eFgHjKlMnPqRsTv Copy secret It will not be shown again."},
		{"app without secrets", everyFramed()["developer-secretless"], "This app authenticates without a secret, and has none."},
		{"name to type", everyFramed()["developer-delete"], "To go on, type Acme Reports."},
		{"owner in the directory", sampleDirectory(), "Acme Reports app1.example Registered by Workspace 1 Weekly reports"},
		{"nothing found", everyFramed()["directory-no-match"], "No app matches “zeppelin”"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := render(t, tt.page).text(); !strings.Contains(got, tt.want) {
				t.Errorf("page says %q, want %q in it", got, tt.want)
			}
		})
	}
}

// The page for an account that a client is not open to names no client.
func TestForbiddenNamesNoClient(t *testing.T) {
	got := render(t, pages.Error{Code: "access_denied", Reason: pages.ReasonForbidden}).text()
	if want := "This app is not available to your account"; !strings.Contains(got, want) || strings.Contains(got, "Acme") {
		t.Errorf("page says %q, want %q and no name", got, want)
	}
}

// A browser drops the first newline of a textarea, and the page adds one.
func TestTypedLinesStay(t *testing.T) {
	p := newApp()
	p.Fields.RedirectURIs = "\nhttps://a.example/cb\n\n  https://b.example/cb </textarea><b>"
	doc := render(t, p)
	area := doc.find("textarea", map[string]string{"name": "redirect_uris"})[0]
	if got := area.FirstChild.Data; got != p.Fields.RedirectURIs {
		t.Errorf("field holds %q, want %q", got, p.Fields.RedirectURIs)
	}
}

func TestIDsAreUniqueAndReferencesLeadSomewhere(t *testing.T) {
	for name, page := range every() {
		doc := render(t, page)
		ids := map[string]int{}
		for n := range doc.root.Descendants() {
			if id, ok := attr(n, "id"); ok {
				ids[id]++
			}
		}
		for id, n := range ids {
			if n > 1 {
				t.Errorf("%s: %d elements have the id %q", name, n, id)
			}
		}
		for n := range doc.root.Descendants() {
			for _, id := range references(n) {
				if ids[id] == 0 {
					t.Errorf("%s: <%s> refers to %q, which is not there", name, n.Data, id)
				}
			}
		}
	}
}

func references(n *html.Node) []string {
	var out []string
	for _, a := range n.Attr {
		switch a.Key {
		case "for", "data-copy":
			out = append(out, a.Val)
		case "aria-describedby", "aria-labelledby":
			out = append(out, strings.Fields(a.Val)...)
		case "href":
			if id, ok := strings.CutPrefix(a.Val, "#"); ok {
				out = append(out, id)
			}
		}
	}
	return out
}

// One h1, and no level left out below it.
func TestHeadingsAreNested(t *testing.T) {
	for name, page := range every() {
		last := 0
		for n := range render(t, page).root.Descendants() {
			if n.Type != html.ElementNode || len(n.Data) != 2 || n.Data[0] != 'h' || n.Data[1] < '1' || n.Data[1] > '6' {
				continue
			}
			level := int(n.Data[1] - '0')
			if level > last+1 || level == 1 && last > 0 {
				t.Errorf("%s: h%d %q stands below h%d", name, level, text(n), last)
			}
			last = level
		}
	}
}

func TestFormsThatChangeSomethingCarryATokenAndArePosted(t *testing.T) {
	for name, page := range everyFramed() {
		for _, form := range render(t, page).find("form", nil) {
			method, _ := attr(form, "method")
			tokens := document{form}.find("input", map[string]string{"type": "hidden", "name": "form_token"})
			if want := map[string]int{"post": 1, "get": 0}[method]; len(tokens) != want {
				t.Errorf("%s: a form sent by %q has %d tokens, want %d", name, method, len(tokens), want)
			}
		}
	}
}

// What the script adds waits hidden.
func TestWhatNeedsScriptIsHidden(t *testing.T) {
	for name, page := range every() {
		doc := render(t, page)
		for n := range doc.root.Descendants() {
			_, hidden := attr(n, "hidden")
			_, tools := attr(n, "data-tools")
			if _, copies := attr(n, "data-copy"); (copies || tools) && !hidden {
				t.Errorf("%s: <%s> is shown without the script", name, n.Data)
			}
		}
	}
}
