package pages_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/gateway/pages"
)

var (
	sampleForm = pages.Form{Action: "/oauth/form", Transaction: "tx-1", Token: "token-1"}

	sampleClient = pages.ClientView{
		Name:        "Acme Reports",
		HomepageURL: "https://reports.acme.example/",
		PolicyURL:   "https://reports.acme.example/privacy",
		TermsURL:    "https://reports.acme.example/terms",
	}

	// longName has 120 characters, the most that a name may have.
	longName = strings.Repeat("Quarterly Revenue Insights ", 5)[:119] + "."

	sampleAccount = pages.AccountView{Name: "Mina Okafor", Username: "mina@northwind.example"}
)

func sampleSignIn() pages.SignIn {
	return pages.SignIn{Form: sampleForm, Client: sampleClient, RedirectURI: "https://reports.acme.example/cb"}
}

func sampleConsent() pages.Consent {
	return pages.Consent{
		Form: sampleForm, Client: sampleClient, Account: sampleAccount,
		RedirectURI:  "https://reports.acme.example/cb",
		SwitchAction: "/oauth/form", ManageURL: "/account/apps",
		Groups: []pages.ScopeGroup{
			{Title: "Your account", Scopes: []pages.ScopeView{
				{Name: "openid email", Sentence: "See your name and email address", Detail: "Your name, your email address and the id of your account. Nothing else of your profile."},
				{Name: "offline_access", Sentence: "Keep this access until you take it back", Detail: "It gets a refresh token that is good for one year.", Risk: pages.RiskOffline},
			}},
			{Title: "Workspaces", Scopes: []pages.ScopeView{
				{Name: "workspace:viewer", Sentence: "See projects, services and deployments", Detail: "Names, settings and logs of everything in the workspaces you choose."},
				{Name: "workspace:member", Sentence: "Create, change and delete deployments", Detail: "Everything a member may do in the workspaces you choose.", Risk: pages.RiskWrite},
				{Name: "workspace:admin", Sentence: "Manage members and billing", Detail: "Everything an admin may do in the workspaces you choose.", Risk: pages.RiskAdmin},
			}},
		},
		Workspaces: &pages.WorkspaceChoice{Options: []pages.WorkspaceView{
			{ID: "w1", Name: "Northwind", Role: pages.RoleView{Name: "Admin"}, Selected: true, Held: pages.HeldView{Role: "Viewer"}},
			{ID: "w2", Name: "Northwind Labs", Role: pages.RoleView{Name: "Member", Asked: "Admin"}},
			{ID: "w3", Name: "Open data", Role: pages.RoleView{Name: "Viewer", Asked: "Admin"}},
		}},
	}
}

func sampleProjects() pages.Consent {
	p := sampleConsent()
	p.Groups = p.Groups[:1]
	p.Workspaces = nil
	p.Projects = &pages.ProjectChoice{Workspaces: []pages.ProjectGroup{
		{Workspace: "Northwind", Role: pages.RoleView{Name: "Admin"}, Projects: []pages.ProjectView{
			{ID: "p1", Name: "storefront", Selected: true, Held: pages.HeldView{Role: "Member"}}, {ID: "p2", Name: "billing"},
		}},
		{Workspace: "Nothing here", Role: pages.RoleView{Name: "Viewer"}},
		{Workspace: "Open data", Role: pages.RoleView{Name: "Viewer", Asked: "Member"}, Projects: []pages.ProjectView{
			{ID: "p3", Name: "air-quality"},
		}},
	}}
	return p
}

// sampleSingle asks for one workspace, in a catalogue whose scopes are no ladder.
func sampleSingle() pages.Consent {
	p := sampleConsent()
	p.Workspaces.Single = true
	p.APIs = []string{"https://api.railyard.example/v1/", "urn:railyard:metrics"}
	p.Workspaces.Options[0].Held = pages.HeldView{Sentences: []string{"Tag images", "Change projects", "See projects", "See folders", "Upload images"}}
	p.Workspaces.Options[1].Held = pages.HeldView{Sentences: []string{"See projects"}}
	return p
}

func sampleError() pages.Error {
	return pages.Error{
		Code:      "invalid_request",
		Detail:    "redirect_uri is not registered for this client",
		Reference: "01JD8Q4T7KX3",
		Reason:    pages.ReasonRedirect,
	}
}

func sampleFormPost() pages.FormPost {
	return pages.FormPost{
		Client: sampleClient, RedirectURI: "https://reports.acme.example/cb",
		Params: []pages.Param{{Name: "code", Value: "c-1"}, {Name: "state", Value: `"><b>`}, {Name: "iss", Value: "https://issuer.example"}},
	}
}

// every is one sample of each page, by name.
func every() map[string]pages.Page {
	all := map[string]pages.Page{
		"sign-in":  sampleSignIn(),
		"account":  pages.ConfirmAccount{Form: sampleForm, Client: sampleClient, Account: sampleAccount},
		"consent":  sampleConsent(),
		"projects": sampleProjects(),
		"single":   sampleSingle(),
		"error":    sampleError(),
		"formpost": sampleFormPost(),
		"message":  pages.Message{Notice: pages.NoticeSignedOut},
	}
	maps.Copy(all, everyFramed())
	return all
}

// refused is p as it is shown again after a complaint.
func refused(p pages.Consent) pages.Consent {
	p.Err = &pages.FormError{Errors: []pages.FieldError{{Field: pages.FieldWorkspace, Complaint: pages.WorkspaceMissing}}}
	for i := range p.Workspaces.Options {
		p.Workspaces.Options[i].Selected = false
	}
	return p
}

func manyWorkspaces() pages.Consent {
	p := sampleConsent()
	options := make([]pages.WorkspaceView, 200)
	for i := range options {
		options[i] = pages.WorkspaceView{
			ID: fmt.Sprintf("w%d", i), Name: fmt.Sprintf("Team %03d", i),
			Role: pages.RoleView{Name: "Member"}, Selected: i%50 == 0,
		}
	}
	p.Workspaces = &pages.WorkspaceChoice{Options: options}
	return p
}

// strangeNames has names that are written right to left, turn the direction
// of what follows, or look like another name.
func strangeNames() pages.Consent {
	p := sampleConsent()
	p.Client.Name = "\u202eyawliaR\u202c Rаilway تطبيق"
	p.Client.HomepageURL = "https://rаilway.example/"
	p.Client.Unverified = true
	p.Client.Owner = "شركة المثال"
	p.Account = pages.AccountView{Name: "دانا الخطيب", Username: "dana@northwind.example"}
	p.RedirectURI = "com.acme.reports:/callback"
	p.Workspaces.Options[1].Name = "מרחב עבודה (Labs)"
	p.Workspaces.Options[2].Name = "فريق البيانات 2026"
	return p
}

func newRenderer(t *testing.T) *pages.Renderer {
	t.Helper()
	r, err := pages.New(pages.Brand{Name: "Railyard"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const sampleLogo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">` +
	`<rect width="64" height="64" rx="14" fill="#0f766e"/><path d="M16 46L32 16l16 30z" fill="#fff"/></svg>`

// newWithLogo renders in a brand with colours and a logo of its own.
func newWithLogo(t *testing.T) *pages.Renderer {
	t.Helper()
	r, err := pages.New(pages.Brand{
		Name: "Railyard", AccentLight: "#7a1fa2", AccentDark: "#d9a7f0",
		Logo: pages.Logo{MediaType: "image/svg+xml", Content: []byte(sampleLogo)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newGerman renders in a language with long words.
func newGerman(t *testing.T) *pages.Renderer {
	t.Helper()
	text := pages.English()
	maps.Copy(text, german)
	r, err := pages.NewInLanguage(pages.Brand{Name: "Railyard"}, text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func germanConsent() pages.Consent {
	p := sampleConsent()
	p.Client.Name = "Umsatzsteuervoranmeldungsassistent"
	p.Groups[0].Title, p.Groups[1].Title = "Ihr Benutzerkonto", "Arbeitsbereiche und Bereitstellungsumgebungen"
	p.Groups[0].Scopes[0].Sentence = "Ihren Namen und Ihre E-Mail-Adresse einsehen"
	p.Groups[0].Scopes[1].Sentence = "Diesen Zugriff behalten, bis Sie ihn widerrufen"
	p.Groups[1].Scopes[0].Sentence = "Projekte, Dienste und Bereitstellungen einsehen"
	p.Groups[1].Scopes[1].Sentence = "Bereitstellungen anlegen, ändern und löschen"
	p.Groups[1].Scopes[2].Sentence = "Mitgliederverwaltung und Rechnungsadressänderungen"
	p.Workspaces.Options[1].Name = "Grundstücksverkehrsgenehmigungszuständigkeitsübertragung"
	p.Workspaces.Options[0].Role.Name = "Administratorin"
	p.Workspaces.Options[1].Role = pages.RoleView{Name: "Mitarbeiterin", Asked: "Administratorin"}
	return refused(p)
}

var german = map[string]string{
	"consent.title":         "{0} möchte auf Ihr {1}-Benutzerkonto zugreifen",
	"consent.switch":        "Anderes Benutzerkonto verwenden",
	"consent.scopes":        "Damit werden folgende Berechtigungen erteilt",
	"consent.detail":        "Was genau diese Berechtigungen umfassen",
	"consent.next":          "Wie es anschließend weitergeht",
	"consent.revoke":        "Sie können diese Entscheidung jederzeit unter {0} rückgängig machen.",
	"consent.revoke.link":   "Zugriffsberechtigte Anwendungen",
	"consent.allow":         "Zugriff erlauben",
	"consent.deny":          "Zugriff nicht erlauben",
	"risk.write":            "Kann Änderungen vornehmen",
	"risk.offline":          "Auch während Ihrer Abwesenheit",
	"risk.admin":            "Uneingeschränkte Verwaltungsrechte",
	"choice.workspace":      "Freizugebende Arbeitsbereiche",
	"choice.workspace.lost": "Wenn Sie das Häkchen bei einem Arbeitsbereich entfernen, verliert die Anwendung dort sämtliche Zugriffsberechtigungen.",
	"held.role":             "hat bereits Zugriff als {0}",
	"role.here":             "Ihre Rolle:",
	"level.label":           "Zugriffsberechtigung:",
	"choice.workspace.hint": "Der Zugriff beschränkt sich auf die von Ihnen ausgewählten Arbeitsbereiche.",
	"role.capped":           "{0} wurde angefragt; Ihre Rolle ist hier {1}, deshalb wird {2} freigegeben.",
	"destination.web":       "Sie werden zu {0} weitergeleitet.",
	"complaint.title":       "Bitte überprüfen Sie Ihre Auswahl",
	"complaint.workspace":   "Wählen Sie mindestens einen Arbeitsbereich aus, oder erlauben Sie den Zugriff nicht.",
	"client.about":          "Über {0}",
	"client.policy":         "Datenschutzerklärung",
	"client.terms":          "Nutzungsbedingungen",
}
