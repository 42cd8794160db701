package pages_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/chancery-auth/chancery/gateway/pages"
)

// document is a parsed page.
type document struct{ root *html.Node }

func parse(t *testing.T, body string) document {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return document{root}
}

func render(t *testing.T, p pages.Page) document {
	t.Helper()
	w := httptest.NewRecorder()
	if err := newRenderer(t).Render(w, http.StatusOK, p); err != nil {
		t.Fatal(err)
	}
	return parse(t, w.Body.String())
}

func attr(n *html.Node, name string) (string, bool) {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
	if i < 0 {
		return "", false
	}
	return n.Attr[i].Val, true
}

// find returns the elements named tag that have every attribute of want, in
// the order of the document. A tag of "*" is any.
func (d document) find(tag string, want map[string]string) []*html.Node {
	var out []*html.Node
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && (tag == "*" || n.Data == tag) && has(n, want) {
			out = append(out, n)
		}
	}
	return out
}

func has(n *html.Node, want map[string]string) bool {
	for k, v := range want {
		if got, ok := attr(n, k); !ok || got != v {
			return false
		}
	}
	return true
}

func text(n *html.Node) string {
	var out strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			out.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

func (d document) text() string { return text(d.find("body", nil)[0]) }

// The names that browsers, password managers and conformance suites drive.
func TestFormContract(t *testing.T) {
	single := sampleConsent()
	single.Workspaces.Single = true
	singleProject := sampleProjects()
	singleProject.Projects.Single = true
	type attrs = map[string]string
	tests := []struct {
		name  string
		page  pages.Page
		tag   string
		attrs attrs
		count int
	}{
		{"sign-in: username", sampleSignIn(), "input", attrs{"name": "username", "autocomplete": "username"}, 1},
		{"sign-in: password", sampleSignIn(), "input", attrs{"name": "password", "type": "password", "autocomplete": "current-password"}, 1},
		{"sign-in: submit", sampleSignIn(), "button", attrs{"id": "login-submit", "name": "action", "value": "sign-in"}, 1},
		{"sign-in: cancel skips validation", sampleSignIn(), "button", attrs{"name": "action", "value": "cancel", "formnovalidate": ""}, 1},
		{"sign-in: transaction", sampleSignIn(), "input", attrs{"type": "hidden", "name": "tx", "value": "tx-1"}, 1},
		{"sign-in: form token", sampleSignIn(), "input", attrs{"type": "hidden", "name": "form_token", "value": "token-1"}, 1},
		{"sign-in: policy", sampleSignIn(), "a", attrs{"href": "https://reports.acme.example/privacy"}, 1},
		{"sign-in: terms", sampleSignIn(), "a", attrs{"href": "https://reports.acme.example/terms"}, 1},
		{"account: continue", every()["account"], "button", attrs{"id": "account-continue", "name": "action", "value": "continue"}, 1},
		{"account: switch", every()["account"], "button", attrs{"id": "account-switch", "name": "action", "value": "switch"}, 1},
		{"consent: allow", sampleConsent(), "button", attrs{"id": "consent-allow", "name": "decision", "value": "allow"}, 1},
		{"consent: deny skips validation", sampleConsent(), "button", attrs{"id": "consent-deny", "name": "decision", "value": "deny", "formnovalidate": ""}, 1},
		{"consent: switch", sampleConsent(), "button", attrs{"name": "action", "value": "switch"}, 1},
		{"consent: both forms carry the token", sampleConsent(), "input", attrs{"name": "form_token", "value": "token-1"}, 2},
		{"consent: workspaces", sampleConsent(), "input", attrs{"type": "checkbox", "name": "workspace"}, 3},
		{"consent: a workspace shared before", sampleConsent(), "input", attrs{"name": "workspace", "value": "w1", "checked": ""}, 1},
		{"consent: no other workspace is ticked", sampleConsent(), "input", attrs{"name": "workspace", "checked": ""}, 1},
		{"consent: one workspace of several", single, "input", attrs{"type": "radio", "name": "workspace"}, 3},
		{"consent: no select-all for one", single, "button", attrs{"data-all": "Select all"}, 0},
		{"consent: projects", sampleProjects(), "input", attrs{"type": "checkbox", "name": "project"}, 3},
		{"consent: projects by workspace, empty ones left out", sampleProjects(), "div", attrs{"role": "group"}, 2},
		{"consent: one project of several", singleProject, "input", attrs{"type": "radio", "name": "project"}, 3},
		{"consent: take it back", sampleConsent(), "a", attrs{"href": "/account/apps"}, 1},
		{"consent: filter is not posted", sampleConsent(), "input", attrs{"type": "search", "name": ""}, 0},
		{"error: place", sampleError(), "div", attrs{"id": "oauth-error"}, 1},
		{"error: no link", sampleError(), "a", nil, 0},
		{"form post: target", sampleFormPost(), "form", attrs{"method": "post", "action": "https://reports.acme.example/cb"}, 1},
		{"form post: parameter", sampleFormPost(), "input", attrs{"type": "hidden", "name": "state", "value": `"><b>`}, 1},
		{"form post: nothing else", sampleFormPost(), "input", nil, 3},
		{"message: signed out", pages.Message{Notice: pages.NoticeSignedOut}, "div", attrs{"id": "logged-out"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := len(render(t, tt.page).find(tt.tag, tt.attrs)); got != tt.count {
				t.Errorf("%d elements %s%v, want %d", got, tt.tag, tt.attrs, tt.count)
			}
		})
	}
}

func TestPageSays(t *testing.T) {
	loopback, private := sampleConsent(), sampleConsent()
	loopback.RedirectURI = "http://127.0.0.1:51234/cb"
	private.RedirectURI = "com.acme.reports:/cb"
	owned := sampleConsent()
	owned.Client.Owner = "Acme Inc."
	unverified := sampleConsent()
	unverified.Client.Unverified = true
	empty := sampleConsent()
	empty.Workspaces.Options = nil
	byCode := pages.Error{Code: "server_error", Reference: "r-1"}
	tests := []struct {
		name string
		page pages.Page
		want string
	}{
		{"client on sign-in", sampleSignIn(), "to continue to Acme Reports"},
		{"brand on sign-in to our own pages", every()["sign-in-own"], "to your Railyard account"},
		{"no name of a client that is not to be named", every()["sign-in-unnamed"], "Sign in to continue to an app Email"},
		{"account to continue with", every()["account"], "Continue as Mina Okafor"},
		{"client, brand and homepage host", sampleConsent(), "Acme Reports wants to access your Railyard account reports.acme.example"},
		{"account", sampleConsent(), "Mina Okafor mina@northwind.example"},
		{"risk in words", sampleConsent(), "Manage members and billing Full control"},
		{"N302 what it has, of a ladder", sampleConsent(), "Northwind Your role: Admin already has Viewer Northwind Labs Your role: Member Admin asked"},
		{"N302 what unticking does", sampleConsent(), "It gets access only to the ones you choose. If you untick a workspace, the app loses everything it has there."},
		{"N302 what it has in a project", sampleProjects(), "storefront already has Member billing Open data"},
		{"N302 what unticking a project does", sampleProjects(), "If you untick a project, the app loses everything it has there."},
		{"N302 what it has, without a ladder", sampleSingle(), "already has: Tag images, Change projects and 3 more"},
		{"N302 few sentences are all told", sampleSingle(), "already has: See projects Open data"},
		{"N302 choosing another workspace takes nothing", sampleSingle(), "It gets access to no other. What the app already has elsewhere, it keeps."},
		{"APIs", sampleSingle(), "It can use this access only at api.railyard.example/v1, urn:railyard:metrics"},
		{"capped role", sampleConsent(), "Admin asked; you are Member here, so Member is shared."},
		{"redirect host", sampleConsent(), "You are sent to reports.acme.example."},
		{"redirect to a program on this device", loopback, "a program on this device, at 127.0.0.1:51234."},
		{"redirect to an app", private, "an app on this device that opens com.acme.reports links."},
		{"unverified client", unverified, "Unverified app Railyard has not checked who made this app."},
		{"homepage of an unverified client", unverified, "It says that its website is reports.acme.example."},
		{"owner", owned, "Registered by Acme Inc."},
		{"nothing to share", empty, "You have no workspace to share yet"},
		{"error code", sampleError(), "Error code invalid_request"},
		{"developer's detail", sampleError(), "redirect_uri is not registered for this client"},
		{"reference", sampleError(), "Reference 01JD8Q4T7KX3"},
		{"sentence by code", byCode, "It is not because of anything you did."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := render(t, tt.page).text(); !strings.Contains(got, tt.want) {
				t.Errorf("page says %q, want %q in it", got, tt.want)
			}
		})
	}
}

func TestN320_PagesBeforeALoopbackRedirectSayNeverToPasteIt(t *testing.T) {
	const words = "Do not copy that address or paste it anywhere, even if someone asks you to"
	for uri, local := range map[string]string{
		"http://127.0.0.1:51004/cb": "127.0.0.1:51004", "http://[::1]:8080/cb": "[::1]:8080", "http://localhost/cb": "localhost",
		"https://LOCALHOST/cb": "LOCALHOST", "https://app.localhost/cb": "app.localhost",
		"https://reports.acme.example/cb": "", "https://localhost.example/cb": "", "com.acme.reports:/cb": "", "": "",
	} {
		signIn, consent := sampleSignIn(), sampleConsent()
		signIn.RedirectURI, consent.RedirectURI = uri, uri
		account := pages.ConfirmAccount{Form: sampleForm, Client: sampleClient, Account: sampleAccount, RedirectURI: uri}
		for _, page := range []pages.Page{signIn, account, consent} {
			got := render(t, page).text()
			if strings.Contains(got, words) != (local != "") || !strings.Contains(got, local) {
				t.Errorf("%T before %q says %q", page, uri, got)
			}
		}
	}
}

// Where nothing is shared yet, and where another choice takes nothing away, the page
// does not speak of losses.
func TestN302_NothingIsSaidToBeLostWhereNothingIs(t *testing.T) {
	fresh, freshProjects, single := sampleConsent(), sampleProjects(), sampleSingle()
	fresh.Workspaces.Options[0].Held = pages.HeldView{}
	freshProjects.Projects.Workspaces[0].Projects[0].Held = pages.HeldView{}
	for _, p := range []pages.Page{fresh, freshProjects, single} {
		if got := render(t, p).text(); strings.Contains(got, "untick") {
			t.Errorf("page says %q", got)
		}
	}
	for _, p := range []pages.Page{fresh, freshProjects} {
		if got := render(t, p).text(); strings.Contains(got, "already has") || strings.Contains(got, "only at") {
			t.Errorf("page says %q", got)
		}
	}
}

func TestVerifiedClientIsNotMarked(t *testing.T) {
	if got := render(t, sampleConsent()).text(); strings.Contains(got, "Unverified") {
		t.Errorf("page says %q", got)
	}
}

func TestNothingToShareCannotBeAllowed(t *testing.T) {
	disabled := map[string]string{"id": "consent-allow", "disabled": ""}
	if n := len(render(t, sampleConsent()).find("button", disabled)); n != 0 {
		t.Error("allow is disabled with something to share")
	}
	noWorkspace, noProject := sampleConsent(), sampleProjects()
	noWorkspace.Workspaces.Options = nil
	noProject.Projects.Workspaces = noProject.Projects.Workspaces[1:2]
	for _, p := range []pages.Page{noWorkspace, noProject} {
		if n := len(render(t, p).find("button", disabled)); n != 1 {
			t.Error("allow is not disabled with nothing to share")
		}
	}
}

func TestComplaintStandsAtItsFieldAndInTheSummary(t *testing.T) {
	p := sampleSignIn()
	p.Username = "mina"
	p.Err = &pages.FormError{Errors: []pages.FieldError{{Field: pages.FieldPassword, Complaint: pages.PasswordMissing}}}
	doc := render(t, p)
	for _, want := range []struct {
		what, tag string
		attrs     map[string]string
	}{
		{"field described by its complaint", "input", map[string]string{"id": "field-password", "aria-invalid": "true", "aria-describedby": "complaint-password"}},
		{"complaint", "p", map[string]string{"id": "complaint-password"}},
		{"link to the field", "a", map[string]string{"href": "#field-password"}},
		{"what was typed", "input", map[string]string{"name": "username", "value": "mina"}},
	} {
		if len(doc.find(want.tag, want.attrs)) != 1 {
			t.Errorf("no %s: %s%v", want.what, want.tag, want.attrs)
		}
	}
	if title := text(doc.find("title", nil)[0]); !strings.HasPrefix(title, "Error: ") {
		t.Errorf("title = %q, want it to begin with Error:", title)
	}
}

// Every page, every complaint, reason and notice has its words.
func TestEveryWordIsInTheCatalogue(t *testing.T) {
	var views []pages.Page
	for _, c := range []pages.Complaint{
		pages.UsernameMissing, pages.PasswordMissing, pages.SignInRefused, pages.TooManyAttempts,
		pages.WorkspaceMissing, pages.ProjectMissing, pages.ChoiceChanged, pages.TryAgain,
		pages.NothingShared, pages.NameDiffers, pages.LogoMissing, pages.LogoUnusable, pages.TooMany, pages.ScopeMissing,
		pages.AppChanged,
	} {
		views = append(views, pages.SignIn{Form: sampleForm, Err: &pages.FormError{Errors: []pages.FieldError{{Complaint: c}}}})
	}
	for _, r := range []pages.Reason{
		pages.ReasonRequest, pages.ReasonClient, pages.ReasonRedirect, pages.ReasonExpired, pages.ReasonSession, pages.ReasonForeign,
		pages.ReasonDenied, pages.ReasonForbidden, pages.ReasonNotAdmin, pages.ReasonNotFound, pages.ReasonTooLarge, pages.ReasonBusy, pages.ReasonInternal,
	} {
		views = append(views, pages.Error{Reason: r})
	}
	for _, n := range []pages.Notice{pages.NoticeSignedOut, pages.NoticeCloseWindow, pages.NoticeCancelled} {
		views = append(views, pages.Message{Notice: n})
	}
	for _, o := range []pages.Outcome{
		pages.OutcomeAccessRevoked, pages.OutcomeAccessSaved, pages.OutcomeAppCreated, pages.OutcomeAppSaved, pages.OutcomeAppDeleted,
		pages.OutcomeSecretRevoked, pages.OutcomeLogoSaved, pages.OutcomeLogoRemoved,
	} {
		for _, name := range []string{"", "Acme Reports"} {
			views = append(views, pages.DeveloperApps{Frame: framed(&pages.Done{Outcome: o, Name: name})})
		}
	}
	for month := range time.December {
		app := pages.AuthorizedApp{Since: time.Date(2026, month+1, 1, 0, 0, 0, 0, time.UTC)}
		views = append(views, pages.AuthorizedApps{Frame: sampleFrame, Form: ownForm, Apps: []pages.AuthorizedApp{app}})
	}
	r := newRenderer(t)
	for _, v := range views {
		if err := r.Render(httptest.NewRecorder(), http.StatusOK, v); err != nil {
			t.Errorf("%+v: %v", v, err)
		}
	}
}
