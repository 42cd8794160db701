package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/vetting"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// clientView is a client as the pages show it, without its owner. A logo that
// lies elsewhere is not shown: fetching it would tell its host who signs in.
func clientView(c *registryv1.Client) pages.ClientView {
	return pages.ClientView{
		Name:        c.GetClientName(),
		LogoURL:     logoPath(c.GetLogoDigest()),
		HomepageURL: c.GetClientUri(),
		PolicyURL:   c.GetPolicyUri(),
		TermsURL:    c.GetTosUri(),
		Unverified:  c != nil && !vetting.Of(c),
	}
}

func personView(a *authorizev1.Account) pages.AccountView {
	return pages.AccountView{
		Name:     a.GetClaims().GetFields()["name"].GetStringValue(),
		Username: a.GetUsername(),
	}
}

func (g *gateway) consentView(r *http.Request, s sheet) pages.Page {
	asked := s.interaction.GetConsent()
	client := clientView(s.interaction.GetClient())
	client.Owner = g.workspaceNames(r, s.interaction.GetClient())[s.interaction.GetClient().GetWorkspaceId()]
	return pages.Consent{
		Form:         s.form,
		Client:       client,
		Account:      personView(s.interaction.GetAccount()),
		RedirectURI:  s.interaction.GetRedirectUri(),
		SwitchAction: accountPath,
		ManageURL:    accountAppsPath,
		Groups:       scopeGroups(g.asUsed(asked.GetScopes(), s.interaction.GetClient())),
		Workspaces:   workspaceChoice(asked, s.posted),
		Projects:     projectChoice(asked, s.posted),
		Err:          s.complaint,
	}
}

// asUsed is the scopes together with what a client gets beside them: where refresh
// tokens are given unasked, people are told of offline access all the same.
func (g *gateway) asUsed(scopes []*registryv1.ScopeDescription, c *registryv1.Client) []*registryv1.ScopeDescription {
	offline, known := g.Preset.Scopes.Find("offline_access")
	told := slices.ContainsFunc(scopes, func(s *registryv1.ScopeDescription) bool { return s.GetName() == offline.Name })
	if !known || told || !g.Preset.Refresh.Unasked || !slices.Contains(c.GetGrantTypes(), oauth.GrantRefreshToken) {
		return scopes
	}
	return append(slices.Clone(scopes), &registryv1.ScopeDescription{
		Name: offline.Name, Description: offline.Description, Group: offline.Group, Detail: offline.Detail, Sensitive: offline.Sensitive,
	})
}

// scopeGroups puts scopes under their headings, each in the order of its first
// scope.
func scopeGroups(scopes []*registryv1.ScopeDescription) []pages.ScopeGroup {
	var groups []pages.ScopeGroup
	for _, s := range scopes {
		i := slices.IndexFunc(groups, func(g pages.ScopeGroup) bool { return g.Title == s.GetGroup() })
		if i < 0 {
			groups = append(groups, pages.ScopeGroup{Title: s.GetGroup()})
			i = len(groups) - 1
		}
		groups[i].Scopes = append(groups[i].Scopes, pages.ScopeView{
			Name: s.GetName(), Sentence: s.GetDescription(), Detail: s.GetDetail(), Risk: riskOf(s),
		})
	}
	return groups
}

func riskOf(s *registryv1.ScopeDescription) pages.Risk {
	switch {
	case !s.GetSensitive():
		return pages.RiskNone
	case s.GetName() == "offline_access":
		return pages.RiskOffline
	case s.GetLevel() == role.Admin.String():
		return pages.RiskAdmin
	default:
		return pages.RiskWrite
	}
}

// choices are what a person may share: of what is asked for now, or of what was
// granted before.
type choices interface {
	GetWorkspaceLevel() string
	GetWorkspaces() []*consentv1.WorkspaceChoice
	GetSingleWorkspace() bool
	GetProjectLevel() string
	GetProjects() []*consentv1.ProjectChoice
}

// workspaceChoice is nil where no scope asks for workspaces.
func workspaceChoice(asked choices, posted form.Values) *pages.WorkspaceChoice {
	if asked.GetWorkspaceLevel() == "" {
		return nil
	}
	choice := &pages.WorkspaceChoice{Single: asked.GetSingleWorkspace()}
	for _, w := range asked.GetWorkspaces() {
		choice.Options = append(choice.Options, pages.WorkspaceView{
			ID:       w.GetWorkspaceId(),
			Name:     w.GetName(),
			Role:     roleView(w.GetRole(), asked.GetWorkspaceLevel()),
			Selected: ticked(posted, "workspace", w.GetWorkspaceId(), w.GetSelected()),
		})
	}
	return choice
}

// projectChoice is nil where no scope asks for projects. A person's role is that
// in the workspace; where it differs between projects the first one's is shown.
func projectChoice(asked choices, posted form.Values) *pages.ProjectChoice {
	if asked.GetProjectLevel() == "" {
		return nil
	}
	choice := &pages.ProjectChoice{}
	at := make(map[string]int)
	for _, p := range asked.GetProjects() {
		i, known := at[p.GetWorkspaceId()]
		if !known {
			i = len(choice.Workspaces)
			at[p.GetWorkspaceId()] = i
			choice.Workspaces = append(choice.Workspaces, pages.ProjectGroup{
				Workspace: p.GetWorkspaceName(), Role: roleView(p.GetRole(), asked.GetProjectLevel()),
			})
		}
		choice.Workspaces[i].Projects = append(choice.Workspaces[i].Projects, pages.ProjectView{
			ID: p.GetProjectId(), Name: p.GetName(),
			Selected: ticked(posted, "project", p.GetProjectId(), p.GetSelected()),
		})
	}
	return choice
}

// ticked is what the person chose a moment ago, or else what was shared before.
func ticked(posted form.Values, name, id string, before bool) bool {
	if posted == nil {
		return before
	}
	return slices.Contains(posted.All(name), id)
}

// roleView says which role a person has, and which one was asked for if that is
// more.
func roleView(held, asked string) pages.RoleView {
	view := pages.RoleView{Name: title(held)}
	has, hasErr := role.Parse(held)
	wants, wantsErr := role.Parse(asked)
	if hasErr == nil && wantsErr == nil && wants > has {
		view.Asked = title(asked)
	}
	return view
}

func title(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
