// Package view makes of the services' messages what pages show: clients and accounts,
// scopes in words, and what of a person's workspaces and projects is shared.
//
// It knows no request but the form that a person has posted a moment ago. The one thing
// to get right is that a page says of what is shared neither more nor less than the
// services do.
package view

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// Owners are the names of the workspaces that own clients, by id.
type Owners map[string]string

// OwnersOf returns the owners of clients. A page goes without them while the directory
// is away: they are there to be recognised, and nothing is decided by them.
func OwnersOf(r *http.Request, a *answer.Answers, directory directoryv1.DirectoryServiceClient, clients ...*registryv1.Client) Owners {
	var ids []string
	for _, c := range clients {
		if id := c.GetWorkspaceId(); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	resp, err := directory.BatchGetWorkspaces(r.Context(), &directoryv1.BatchGetWorkspacesRequest{WorkspaceIds: ids})
	if err != nil {
		a.Log.LogAttrs(r.Context(), slog.LevelWarn, "owners could not be read", answer.About(r, err)...)
		return nil
	}
	names := make(Owners, len(ids))
	for _, w := range resp.GetWorkspaces() {
		names[w.GetWorkspaceId()] = w.GetName()
	}
	return names
}

// Client is a client as the pages show it, with its owner if it is one of owners. A
// logo that lies elsewhere is not shown: fetching it would tell its host who signs in.
func Client(c *registryv1.Client, owners Owners) pages.ClientView {
	return pages.ClientView{
		Name:        c.GetClientName(),
		LogoURL:     link.Logo(c.GetLogoDigest()),
		Owner:       owners[c.GetWorkspaceId()],
		HomepageURL: c.GetClientUri(),
		PolicyURL:   c.GetPolicyUri(),
		TermsURL:    c.GetTosUri(),
		Unverified:  c != nil && !client.Vetted(c),
	}
}

// Account is a person as the pages show them.
func Account(a *authorizev1.Account) pages.AccountView {
	return pages.AccountView{
		Name:     a.GetClaims().GetFields()["name"].GetStringValue(),
		Username: a.GetUsername(),
	}
}

// Time is the time of t, zero for an absent one.
func Time(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// Distinct is list without what came before.
func Distinct(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Scopes is the scopes in words, together with what the client gets beside them: where
// refresh tokens are given unasked, people are told of offline access all the same.
func Scopes(p preset.Preset, scopes []*registryv1.ScopeDescription, c *registryv1.Client) []pages.ScopeGroup {
	offline, known := p.Scopes.Find("offline_access")
	told := slices.ContainsFunc(scopes, func(s *registryv1.ScopeDescription) bool { return s.GetName() == offline.Name })
	if known && !told && p.Refresh.Unasked && slices.Contains(c.GetGrantTypes(), oauth.GrantRefreshToken) {
		scopes = append(slices.Clone(scopes), &registryv1.ScopeDescription{
			Name: offline.Name, Description: offline.Description, Group: offline.Group, Detail: offline.Detail, Sensitive: offline.Sensitive,
		})
	}
	return ScopeGroups(scopes)
}

// ScopeGroups puts scopes under their headings, each in the order of its first scope.
func ScopeGroups(scopes []*registryv1.ScopeDescription) []pages.ScopeGroup {
	var groups []pages.ScopeGroup
	for _, s := range scopes {
		i := slices.IndexFunc(groups, func(g pages.ScopeGroup) bool { return g.Title == s.GetGroup() })
		if i < 0 {
			i = len(groups)
			groups = append(groups, pages.ScopeGroup{Title: s.GetGroup()})
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
