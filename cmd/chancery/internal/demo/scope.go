package demo

import (
	"slices"

	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
)

// openID is what every request asks for.
const openID = "openid"

// offer is a scope that the first page offers to ask for.
type offer struct {
	Scope, Words string
	// Ticked says that the page proposes it.
	Ticked bool
}

// offers are the scopes under a heading.
type offers struct {
	Group string
	List  []offer
}

// offersOf are the scopes that a user can grant, under the headings of the consent
// page.
func offersOf(catalogue preset.Catalogue) []offers {
	ticked := proposed(catalogue)
	var groups []offers
	for _, s := range catalogue {
		if s.Kind == preset.Client {
			continue
		}
		at := slices.IndexFunc(groups, func(g offers) bool { return g.Group == s.Group })
		if at < 0 {
			groups, at = append(groups, offers{Group: s.Group}), len(groups)
		}
		groups[at].List = append(groups[at].List, offer{s.Name, s.Description, slices.Contains(ticked, s.Name)})
	}
	return groups
}

// proposed are the scopes that show most: who the user is, one that changes
// something in a workspace, one that looks at a project, and a refresh token.
func proposed(catalogue preset.Catalogue) []string {
	names := []string{openID, "profile", "email", "offline_access"}
	for _, want := range []func(preset.Scope) bool{
		func(s preset.Scope) bool { return s.Kind == preset.Workspace && s.Level == role.Member },
		func(s preset.Scope) bool { return s.Kind == preset.Project },
	} {
		if i := slices.IndexFunc(catalogue, want); i >= 0 {
			names = append(names, catalogue[i].Name)
		}
	}
	return names
}

// chosen are the scopes of the form that there are; openid always.
func (a *App) chosen(form []string) []string {
	list := []string{openID}
	for _, name := range a.cfg.Scopes.Grantable() {
		if name != openID && slices.Contains(form, name) {
			list = append(list, name)
		}
	}
	return list
}
