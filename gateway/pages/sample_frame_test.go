package pages_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/gateway/pages"
)

var (
	ownForm = pages.Form{Action: "/oauth/form", Token: "token-1", SessionMark: "mark-1"}

	sampleFrame = pages.Frame{
		Account: sampleAccount, SignOut: pages.Form{Action: "/signout", Token: "token-2"},
		AccountURL: "/account/apps", DeveloperURL: "/developer/apps", DirectoryURL: "/apps",
	}

	sampleHead = pages.DeveloperHead{
		Client: sampleClient, ClientID: "6f1d7c1e-6a55-4a0e-9a1b-2f2b3c8d9e10", Workspace: "Northwind",
		EditURL: "/developer/apps/a1", SecretsURL: "/developer/apps/a1/secrets",
		LogoFormURL: "/developer/apps/a1/logo", DeleteURL: "/developer/apps/a1/delete",
	}

	sampleSince = time.Date(2026, time.March, 9, 23, 59, 0, 0, time.UTC)
	sampleUse   = time.Date(2026, time.November, 21, 8, 0, 0, 0, time.UTC)
)

func framed(done *pages.Done) pages.Frame {
	f := sampleFrame
	f.Done = done
	return f
}

// everyFramed is one sample of each page with a frame, by name, and of those
// states that show something else.
func everyFramed() map[string]pages.Page {
	return map[string]pages.Page{
		"sign-in-own":             pages.SignIn{Form: pages.Form{Action: "/oauth/form", Token: "token-1"}, Next: "/account/apps"},
		"sign-in-unnamed":         pages.SignIn{Form: sampleForm, RedirectURI: "https://reports.acme.example/cb"},
		"apps":                    sampleApps(),
		"apps-none":               pages.AuthorizedApps{Frame: framed(&pages.Done{Outcome: pages.OutcomeAccessRevoked, Name: "Acme Reports"}), Form: ownForm},
		"apps-refused":            refusedApps(),
		"apps-refused-level":      refusedLevels(),
		"revoke":                  sampleRevoke(),
		"password":                samplePassword(),
		"password-refused":        refusedPassword(),
		"apps-password-changed":   changedPassword(),
		"developer":               sampleDeveloper(),
		"developer-none":          pages.DeveloperApps{Frame: sampleFrame},
		"developer-app":           sampleApp(),
		"developer-app-new":       newApp(),
		"developer-app-refused":   refusedApp(),
		"developer-secrets":       sampleSecrets(),
		"developer-secret-new":    newSecret(),
		"developer-secrets-none":  pages.DeveloperSecrets{Frame: sampleFrame, Form: ownForm, Head: sampleHead},
		"developer-secretless":    pages.DeveloperSecrets{Frame: sampleFrame, Form: ownForm, Head: sampleHead, Created: true, Secretless: true},
		"developer-delete":        pages.DeveloperDelete{Frame: sampleFrame, Form: ownForm, Head: sampleHead},
		"developer-delete-refuse": refusedDelete(),
		"developer-logo":          sampleLogoForm(),
		"directory":               sampleDirectory(),
		"directory-no-match":      pages.Directory{Frame: sampleFrame, Query: "zeppelin"},
		"directory-signed-out":    pages.Directory{Frame: pages.Frame{SignOut: sampleFrame.SignOut, SignInURL: "/signin", DirectoryURL: "/apps"}},
	}
}

func sampleApps() pages.AuthorizedApps {
	consent, projects := sampleConsent(), sampleProjects()
	pinned := pages.WorkspaceChoice{Pinned: true, Options: []pages.WorkspaceView{samplePermissions()}}
	for i, level := range []string{"Viewer", "", ""} {
		w := &consent.Workspaces.Options[i]
		w.Levels = sampleSteps(w.ID, "workspace", 3-i, level)
	}
	consent.Workspaces.Options[1].Role.Asked, consent.Workspaces.Options[2].Role.Asked = "", ""
	for i := range projects.Projects.Workspaces {
		for j := range projects.Projects.Workspaces[i].Projects {
			p := &projects.Projects.Workspaces[i].Projects[j]
			p.Levels = sampleSteps(p.ID, "project", 2, []string{"Viewer", ""}[j])
		}
	}
	projects.Projects.Workspaces[2].Role.Asked = ""
	projects.Projects.Workspaces[2].Projects[0].Role = pages.RoleView{Name: "Viewer", Asked: "Member"}
	return pages.AuthorizedApps{
		Frame: framed(&pages.Done{Outcome: pages.OutcomeAccessSaved, Name: "Acme Reports"}), Form: ownForm,
		NextURL: "/account/apps?page=2",
		Apps: []pages.AuthorizedApp{
			{
				GrantID: "g1", Revision: "7", Client: sampleClient, Since: sampleSince, LastUse: sampleUse,
				Groups: consent.Groups, Workspaces: consent.Workspaces,
			},
			{
				GrantID: "g2", Since: sampleSince, Groups: projects.Groups, Workspaces: &pinned, Projects: projects.Projects,
				Client: pages.ClientView{Name: "Deploy from chat", HomepageURL: "https://chat.example/", Unverified: true},
			},
			{
				GrantID: "g3", Since: sampleSince, LastUse: sampleUse, Repeated: sampleUse.AddDate(0, 0, 1), Late: sampleSince.AddDate(0, 0, 1), Groups: consent.Groups[:1],
				Client: pages.ClientView{Name: "Status page", Owner: "Northwind", HomepageURL: "https://status.example/"},
			},
		},
	}
}

// sampleSteps is a ladder of n steps. Of what is shared the level is one of them, and
// of what is not it would be the last.
func sampleSteps(id, kind string, n int, level string) *pages.LevelChoice {
	choice := &pages.LevelChoice{Steps: true}
	for i, word := range []string{"Viewer", "Member", "Admin"}[:n] {
		option := pages.LevelOption{Value: id + " " + kind + ":" + strings.ToLower(word), Label: word, Selected: word == level || level == "" && i == n-1}
		if word == level {
			option.Value = ""
		}
		choice.Options = append(choice.Options, option)
	}
	return choice
}

// samplePermissions is a workspace that is shared with some of several scopes.
func samplePermissions() pages.WorkspaceView {
	choice := &pages.LevelChoice{
		Had: "w1 project:read image:tag", Chosen: pages.HeldView{Sentences: []string{"See projects", "Tag images", "Upload images", "Change projects"}},
	}
	for i, sentence := range append(choice.Chosen.Sentences, "Create dataset versions", "See statistics") {
		choice.Options = append(choice.Options, pages.LevelOption{Value: fmt.Sprintf("w1 scope%d", i), Label: sentence, Selected: i < 4})
	}
	return pages.WorkspaceView{ID: "w1", Name: "Northwind", Role: pages.RoleView{Name: "Admin"}, Selected: true, Levels: choice}
}

func refusedApps() pages.AuthorizedApps {
	p := sampleApps()
	p.Done = nil
	p.Apps[0].Err = &pages.FormError{Errors: []pages.FieldError{{Field: pages.FieldWorkspace, Complaint: pages.ChoiceChanged}}}
	return p
}

// refusedLevels has a workspace without any of its scopes.
func refusedLevels() pages.AuthorizedApps {
	p := sampleApps()
	p.Done = nil
	p.Apps = p.Apps[1:2]
	choice := p.Apps[0].Workspaces.Options[0].Levels
	choice.Chosen = pages.HeldView{}
	for i := range choice.Options {
		choice.Options[i].Selected = false
	}
	p.Apps[0].Err = &pages.FormError{Errors: []pages.FieldError{{Field: pages.LevelField("w1"), Complaint: pages.LevelMissing, Name: "Northwind"}}}
	return p
}

func samplePassword() pages.ChangePassword {
	return pages.ChangePassword{Frame: sampleFrame, Form: ownForm, MinLength: 8, BackURL: "/account/apps"}
}

func refusedPassword() pages.ChangePassword {
	p := samplePassword()
	p.Err = &pages.FormError{Errors: []pages.FieldError{
		{Field: pages.FieldPassword, Complaint: pages.PasswordWrong},
		{Field: pages.FieldNewPassword, Complaint: pages.PasswordShort, Name: "8"},
		{Field: pages.FieldRepeatPassword, Complaint: pages.PasswordDiffers},
	}}
	return p
}

func changedPassword() pages.AuthorizedApps {
	p := sampleApps()
	p.Done, p.PasswordURL = &pages.Done{Outcome: pages.OutcomePasswordChanged}, "/account/password"
	return p
}

func sampleRevoke() pages.AuthorizedAppRevoke {
	return pages.AuthorizedAppRevoke{
		Frame: sampleFrame, Form: ownForm, GrantID: "g1", Client: sampleClient, Groups: sampleConsent().Groups,
		Shared: []string{"Northwind", "Northwind Labs"}, BackURL: "/account/apps",
	}
}

func sampleDeveloper() pages.DeveloperApps {
	entry := func(name string, kind pages.ClientType, v pages.Visibility, used time.Time) pages.DeveloperEntry {
		return pages.DeveloperEntry{
			Client: pages.ClientView{Name: name}, ClientID: "6f1d7c1e-6a55-4a0e-9a1b-2f2b3c8d9e10",
			ClientType: kind, Visibility: v, LastUse: used, EditURL: "/developer/apps/a1",
		}
	}
	return pages.DeveloperApps{Frame: sampleFrame, Workspaces: []pages.DeveloperWorkspace{
		{Name: "Northwind", NewURL: "/developer/apps/new?workspace=w1", Apps: []pages.DeveloperEntry{
			entry("Acme Reports", pages.TypeWeb, pages.VisibilityPublic, sampleUse),
			entry("Backoffice", pages.TypeWeb, pages.VisibilityInternal, time.Time{}),
			entry("northwind-cli", pages.TypeNative, pages.VisibilityUnlisted, sampleUse),
		}},
		{Name: "Northwind Labs", NewURL: "/developer/apps/new?workspace=w2"},
	}}
}

func sampleScopes() []pages.ScopeOptionGroup {
	var out []pages.ScopeOptionGroup
	for _, g := range sampleConsent().Groups {
		group := pages.ScopeOptionGroup{Title: g.Title}
		for i, s := range g.Scopes {
			group.Scopes = append(group.Scopes, pages.ScopeOption{ScopeView: s, Selected: i == 0})
		}
		out = append(out, group)
	}
	return out
}

func sampleApp() pages.DeveloperApp {
	head := sampleHead
	head.Client.Unverified = true
	return pages.DeveloperApp{
		Frame: sampleFrame, Form: ownForm, Head: head, Revision: "7",
		Fields: pages.AppFields{
			Name: "Acme Reports", Description: "Weekly reports about what your services cost.",
			HomepageURL: "https://reports.acme.example/", PolicyURL: "https://reports.acme.example/privacy",
			RedirectURIs: "https://reports.acme.example/cb\nhttps://staging.acme.example/cb",
			ClientType:   pages.TypeWeb, AuthMethod: "client_secret_post", Visibility: pages.VisibilityPublic,
		},
		Groups:      sampleScopes(),
		AuthMethods: []string{"client_secret_basic client_secret_post", "client_secret_post", "private_key_jwt", "none"},
		CancelURL:   "/developer/apps",
	}
}

func newApp() pages.DeveloperApp {
	p := sampleApp()
	p.Head = pages.DeveloperHead{Workspace: "Northwind"}
	p.WorkspaceID, p.Revision = "w1", ""
	p.Fields = pages.AppFields{ClientType: pages.TypeWeb, Visibility: pages.VisibilityUnlisted}
	return p
}

func refusedApp() pages.DeveloperApp {
	p := sampleApp()
	p.Fields.Name, p.Fields.RedirectURIs = "", "http://reports.acme.example/cb#top"
	p.ReloadURL = "/developer/apps/a1"
	p.Err = &pages.FormError{Errors: []pages.FieldError{
		{Field: pages.FieldName, Text: "Name is required"},
		{Field: pages.FieldRedirectURIs, Text: "Redirect URI must not have a fragment"},
		{Field: pages.FieldScope, Text: "Permissions must be of the scope catalogue"},
	}}
	return p
}

func sampleSecrets() pages.DeveloperSecrets {
	return pages.DeveloperSecrets{Frame: sampleFrame, Form: ownForm, Head: sampleHead, Secrets: []pages.SecretView{
		{ID: "s1", Hint: "x7Qe", Create: sampleSince, LastUse: sampleUse},
		{ID: "s2", Hint: "mm01", Create: sampleUse},
	}}
}

func newSecret() pages.DeveloperSecrets {
	p := sampleSecrets()
	p.Created = true
	p.NewSecret = "rycs_4Zk0mJ1v8sQ2nXrT7uYwB5cD9eFgHjKlMnPqRsTv"
	return p
}

func refusedDelete() pages.DeveloperDelete {
	return pages.DeveloperDelete{
		Frame: sampleFrame, Form: ownForm, Head: sampleHead, Typed: "acme reports",
		Err: &pages.FormError{Errors: []pages.FieldError{{Field: pages.FieldConfirmName, Complaint: pages.NameDiffers}}},
	}
}

func sampleLogoForm() pages.DeveloperLogo {
	p := pages.DeveloperLogo{Frame: sampleFrame, Form: ownForm, Head: sampleHead}
	p.Head.Client.LogoURL = "/logos/acme.svg"
	p.Err = &pages.FormError{Errors: []pages.FieldError{{Field: pages.FieldLogo, Complaint: pages.LogoUnusable}}}
	return p
}

func sampleDirectory() pages.Directory {
	p := pages.Directory{Frame: sampleFrame, Query: "report", NextURL: "/apps?page=2"}
	for i, name := range []string{"Acme Reports", "Blue Invoice", "Cost Watch", "Deploy from chat", "Error Mailer"} {
		p.Apps = append(p.Apps, pages.DirectoryApp{
			Client: pages.ClientView{
				Name: name, Owner: fmt.Sprintf("Workspace %d", i+1), HomepageURL: fmt.Sprintf("https://app%d.example/", i+1), Unverified: i == 3,
			},
			Description: "Weekly reports about what your services cost, by project and by person, with a note of what has changed."[:40+i*14],
		})
	}
	return p
}

// manyAppWorkspaces has one client that 200 workspaces could be shared with, and
// a name as long as a name may be.
func manyAppWorkspaces() pages.AuthorizedApps {
	p := sampleApps()
	p.Apps = p.Apps[:1]
	p.Apps[0].Workspaces = manyWorkspaces().Workspaces
	for i := range p.Apps[0].Workspaces.Options {
		w := &p.Apps[0].Workspaces.Options[i]
		w.Levels = sampleSteps(w.ID, "workspace", 2, map[bool]string{true: "Member"}[w.Selected])
	}
	p.Apps[0].Client.Name = longName
	return p
}

// strangeApps has names that are written right to left, or turn the direction of
// what follows.
func strangeApps() pages.AuthorizedApps {
	consent := strangeNames()
	p := sampleApps()
	p.Account = consent.Account
	p.Done.Name = consent.Client.Name
	p.Apps = p.Apps[:1]
	p.Apps[0].Client = consent.Client
	p.Apps[0].Workspaces = consent.Workspaces
	for i, level := range []string{"Viewer", "", ""} {
		w := &p.Apps[0].Workspaces.Options[i]
		w.Role.Asked, w.Levels = "", sampleSteps(w.ID, "workspace", 3-i, level)
	}
	return p
}

func strangeDeveloper() pages.DeveloperApps {
	p := sampleDeveloper()
	for i, name := range []string{strangeNames().Client.Name, longName, "تطبيق التقارير الأسبوعية"} {
		p.Workspaces[0].Apps[i].Client.Name = name
	}
	p.Workspaces[1].Name = "מרחב עבודה (Labs)"
	return p
}

func longApp() pages.DeveloperApp {
	p := sampleApp()
	p.Head.Client.Name, p.Fields.Name = longName, longName
	p.Head.Workspace = "Grundstücksverkehrsgenehmigungszuständigkeitsübertragung"
	p.Fields.RedirectURIs = "https://reports.acme.example/a/very/long/path/that/does/not/fit/on/one/line/of/a/telephone/callback"
	return p
}

func manyApps() pages.DeveloperApps {
	p := sampleDeveloper()
	first := p.Workspaces[0].Apps[0]
	p.Workspaces[0].Apps = nil
	for i := range 100 {
		first.Client.Name = fmt.Sprintf("App %03d", i)
		p.Workspaces[0].Apps = append(p.Workspaces[0].Apps, first)
	}
	return p
}
