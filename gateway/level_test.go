package gateway_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
)

// apartGrant is a grant whose one workspace is shared with two permissions of five.
func apartGrant(described *consentv1.GrantDescription) {
	described.Levels, described.ProjectLevel, described.Projects = separateLevels(), "", nil
	described.Workspaces[0].ApprovedScope = "image:tag project:read"
}

// N304: the account page is one of the ways in which the tuples change.
func TestN304_AccountPageShowsWhatEachResourceIsSharedWith(t *testing.T) {
	const (
		first  = `<option value="" selected dir="auto">Viewer</option> <option value="w1 workspace:member" dir="auto">Member</option> </select>`
		second = `<option value="w2 workspace:viewer" dir="auto">Viewer</option> <option value="w2 workspace:member" dir="auto">Member</option>` +
			` <option value="w2 workspace:admin" selected dir="auto">Admin</option> </select>`
		project = `<option value="" selected dir="auto">Viewer</option> <option value="p1 project:member" dir="auto">Member</option> </select>`
	)
	w := deskWorld(t)
	show := func(says ...string) string {
		t.Helper()
		got := w.get("/account/apps", "Cookie", signedInCookies)
		got.wantStatus(t, 200)
		body := spaces.ReplaceAllString(got.body, " ")
		for _, want := range says {
			if !strings.Contains(body, want) {
				t.Errorf("page lacks %s: %s", want, body)
			}
		}
		return body
	}
	// What it has says nothing when it is sent, and is not above the person's role.
	show(`name="level" aria-label="Access to First">`, first, second, project, `name="revision" value="7"`)

	w.consent.change = func(described *consentv1.GrantDescription) {
		described.Workspaces[0].ApprovedScope = "workspace:admin"
		described.Workspaces[1].Role = "viewer"
		described.Levels = described.GetLevels()[1:3]
	}
	// More than the role allows is shown where the client has it, and how it is
	// capped; what was never granted is not there to choose.
	body := show(`<option value="w1 workspace:member" dir="auto">Member</option> <option value="" selected dir="auto">Admin</option>`,
		"<bdi>Admin</bdi> asked; you are <bdi>Member</bdi> here",
		`<option value="w2 workspace:member" selected dir="auto">Member</option> </select>`)
	if strings.Contains(body, "workspace:viewer") || strings.Contains(body, "p1 project:") {
		t.Error("page offers what was never granted")
	}

	w.consent.change = func(described *consentv1.GrantDescription) {
		described.Workspaces[0].ApprovedScope = "workspace:gone workspace:viewer"
	}
	show(`<option value="" selected dir="auto">workspace:gone, View the workspaces you choose</option> <option value="w1 workspace:viewer" dir="auto">Viewer`)
}

func TestN304_AccountPageShowsPermissionsThatAreNoLadder(t *testing.T) {
	w := deskWorld(t, separateScopes)
	w.consent.change = apartGrant
	body := spaces.ReplaceAllString(w.get("/account/apps", "Cookie", signedInCookies).body, " ")
	for _, want := range []string{
		`name="had" value="w1 image:tag project:read"`, `name="had" value="w2 "`, "Access: <bdi>Do image:tag</bdi>, <bdi>Do project:read</bdi></span>",
		"Access: <bdi>Do image:tag</bdi>, <bdi>Do project:update</bdi> and <bdi>3</bdi> more",
		`name="level" value="w1 project:update"> <bdi>Do project:update</bdi>`, `name="level" value="w1 project:read" checked>`, `name="level" value="w2 folder:read" checked>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("page lacks %s: %s", want, body)
		}
	}
	if strings.Contains(body, "<select") {
		t.Error("page asks for one of several permissions")
	}
}

// Where one workspace is to be chosen, that is done when the client asks.
func TestAccountPageListsTheOneWorkspaceThatIsShared(t *testing.T) {
	w := deskWorld(t)
	w.consent.change = func(described *consentv1.GrantDescription) { described.SingleWorkspace = true }
	body := w.get("/account/apps", "Cookie", signedInCookies).body
	if !strings.Contains(body, `type="checkbox" name="workspace" value="w1"`) || strings.Contains(body, `value="w2"`) || !strings.Contains(body, "Another workspace is chosen when the app asks for it.") {
		t.Errorf("page = %s", body)
	}
}

func TestN304_AccountPageSavesWhatWasChanged(t *testing.T) {
	apart := func(level string) string { return "&had=w1+image:tag+project:read&had=w2+" + level }
	tests := []struct {
		name, form string
		apart      bool
		want       map[string]string
	}{
		{"another level", "&workspace=w1&level=w1+workspace:member", false, map[string]string{"w1": "workspace:member"}},
		{"what was left as it is", "&workspace=w1&project=p1&level=&level=", false, nil},
		{
			"a level and what was added", "&workspace=w1&workspace=w2&level=&level=w2+workspace:admin&project=p1&level=p1+project:member", false,
			map[string]string{"w2": "workspace:admin", "p1": "project:member"},
		},
		{"a level of what is not ticked", "&workspace=w1&level=w2+workspace:admin", false, nil},
		{"a level of what is not there", "&workspace=w1&level=w9+workspace:admin&workspace=w9", false, nil},
		{"a form without levels", "&workspace=w1", true, nil},
		{"boxes left as they are", "&workspace=w1" + apart("&level=w1+project:read&level=w1+image:tag"), true, nil},
		{"a box taken out", "&workspace=w1" + apart("&level=w1+project:read"), true, map[string]string{"w1": "project:read"}},
		{"another box", "&workspace=w1" + apart("&level=w1+project:update&level=w1+project:read"), true, map[string]string{"w1": "project:update project:read"}},
		{"boxes of what was added", "&workspace=w1&workspace=w2" + apart("&level=w1+project:read&level=w1+image:tag&level=w2+image:tag"), true, map[string]string{"w2": "image:tag"}},
		{"no box of what is not ticked", "&workspace=w1" + apart("&level=w1+project:read&level=w1+image:tag"), true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := deskWorld(t)
			if tt.apart {
				w = deskWorld(t, separateScopes)
				w.consent.change = apartGrant
			}
			got := w.post("/account/apps", deskForm("action=save&revision=7&grant_id="+grantID+tt.form), "Cookie", signedInCookies)
			got.wantStatus(t, 303)
			req := w.consent.updated[0]
			if !maps.Equal(req.GetScopes(), tt.want) {
				t.Errorf("scopes = %v, want %v", req.GetScopes(), tt.want)
			}
			// What is added is for the client that the person was shown.
			if c := req.GetClient(); c.GetClientId() != appID || c.GetClientName() != "Ledger Sync" || len(c.GetRedirectUris()) != 2 {
				t.Errorf("client = %v", c)
			}
		})
	}
}

func TestN304_AccountPageSavesNothingThatWasNotShown(t *testing.T) {
	const none = "&workspace=w1&had=w1+image:tag+project:read&had=w2+&level=w2+image:tag"
	tests := []struct {
		name, form string
		says       []string
	}{
		{"no box of a ticked workspace", "&revision=7" + none, []string{
			`href="#field-level-w1-` + grantID + `"`, "Choose at least one permission for <bdi>First</bdi>, or untick it.", `<details class="level" open>`, "Access: none chosen",
		}},
		{"another app than was shown", "&revision=6&workspace=w1", []string{"The app has changed since this page was shown."}},
		{"no app was shown", "&workspace=w1", []string{"The app has changed since this page was shown."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := deskWorld(t, separateScopes)
			w.consent.change = apartGrant
			got := w.post("/account/apps", deskForm("action=save&grant_id="+grantID+tt.form), "Cookie", signedInCookies)
			got.wantStatus(t, 400)
			for _, want := range tt.says {
				if !strings.Contains(got.body, want) {
					t.Errorf("page lacks %s: %s", want, got.body)
				}
			}
			if len(w.consent.updated) != 0 {
				t.Errorf("saved %v", w.consent.updated)
			}
		})
	}
}

// A level that was chosen a moment ago is there again.
func TestRefusedLevelsAreShownAgain(t *testing.T) {
	w := deskWorld(t)
	w.consent.fail = oauth.Refuse(oauth.AccessDenied, "not yours")
	got := w.post("/account/apps", deskForm("action=save&revision=7&workspace=w1&level=w1+workspace:member&level=w2+workspace:viewer&grant_id="+grantID), "Cookie", signedInCookies)
	got.wantStatus(t, 400)
	for _, want := range []string{`<option value="w1 workspace:member" selected dir="auto">`, `<option value="w2 workspace:viewer" selected dir="auto">`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("page lacks %s: %s", want, got.body)
		}
	}
	if n := strings.Count(got.body, " selected "); n != 3 {
		t.Errorf("%d options are chosen, want 3", n)
	}
}

// The form of an account with many resources goes through.
func TestLevelsOfManyResourcesAreSaved(t *testing.T) {
	w := deskWorld(t)
	const each = "&workspace=0b8f0c5e-7b1c-4b87-8f0a-3c7a3f1d2e01&level=0b8f0c5e-7b1c-4b87-8f0a-3c7a3f1d2e01+workspace:member"
	form := deskForm("action=save&revision=7&grant_id=" + grantID + strings.Repeat(each, 2000))
	w.post("/account/apps", form, "Cookie", signedInCookies).wantStatus(t, 303)
	if got := w.consent.updated[0].GetWorkspaceIds(); len(got) != 2000 || slices.Contains(got, "") {
		t.Errorf("%d workspaces", len(got))
	}
	w.post("/account/apps", deskForm(strings.Repeat(each, 4200)), "Cookie", signedInCookies).wantPage(t, 400)
}
