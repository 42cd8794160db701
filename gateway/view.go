package gateway

import (
	"net/http"
	"slices"

	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/vetting"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
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
	shown := newSharing(asked, g.Preset.Scopes, s.posted)
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
		APIs:         distinct(s.interaction.GetResource()),
		Workspaces:   shown.workspaces(),
		Projects:     shown.projects(),
		Err:          s.complaint,
	}
}

// distinct is list without what came before.
func distinct(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
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
