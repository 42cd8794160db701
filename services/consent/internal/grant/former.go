package grant

import (
	"slices"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// Former is a grant as the release before approvals keeps it: whatever was ever
// allowed, and what was selected last. What it permits is the product of the two.
type Former struct {
	Scope     oauth.Scope
	Resources []Resource
}

// Stored is a grant as it is kept.
type Stored struct {
	Grant
	// Former is set if the release before approvals has written last. The approvals
	// are not what they were then.
	Former *Former
}

// Read returns the grant. What the former release wrote is read as no more than
// what was surely allowed: at each resource what every scope for its kind stands
// for, and to the one identity on record. With several of them, or with none,
// only the scopes about the subject are left, for what had begun before.
func (s Stored) Read(c preset.Catalogue) Grant {
	g := s.Grant
	if s.Former == nil {
		return g
	}
	f := *s.Former
	g.Scope, g.Approvals, g.FormerIdentity, g.Diverse = f.Scope.Without(NoFormerScope), nil, Identity{}, false
	if len(g.Identities) != 1 {
		return g.allow(Place{}, f.Scope.Intersect(c.Names(preset.Identity)))
	}
	g.FormerIdentity = g.Identities[0]
	g = g.allow(Place{Identity: g.FormerIdentity}, f.Scope.Intersect(c.Names(preset.Identity, preset.API)))
	for _, r := range f.Resources {
		g = g.allow(Place{Resource: r, Identity: g.FormerIdentity}, c.Common(f.Scope.Intersect(c.Names(r.Kind))))
	}
	return g
}

// sharesMore says whether a resource is in f alone. Access tokens may still share it,
// though nobody could say with what scope; f may be nil.
func (f *Former) sharesMore(g Grant) bool {
	if f == nil {
		return false
	}
	shared := make(map[Resource]bool)
	for _, a := range g.Approvals {
		shared[a.At.Resource] = true
	}
	return slices.ContainsFunc(f.Resources, func(r Resource) bool { return !shared[r] })
}

// allow adds an approval for whatever has begun, unless scope is empty.
func (g Grant) allow(at Place, scope oauth.Scope) Grant {
	if len(scope) > 0 {
		g.Approvals = append(g.Approvals, Approval{Scope: scope, At: at})
	}
	return g
}

// AsFormer returns what the release before approvals may read of the grant. It makes
// a product of that, and gives it to whatever the client has begun as whatever it
// came: so it is only what was allowed from the beginning, by the subject and without
// a resource indicator; and nothing, for good, once what the client has begun is not
// all alike.
func (g Grant) AsFormer(c preset.Catalogue) Former {
	f := Former{Scope: oauth.Scope{NoFormerScope}}
	if g.Diverse || len(g.Identities) != 1 || g.Identities[0] != g.FormerIdentity {
		return f
	}
	y := g.yield(c, Claim{Identity: g.FormerIdentity, Scope: c.Grantable(), Version: formerVersion})
	scope := y.Scope
	for _, kind := range []preset.Kind{preset.Workspace, preset.Project} {
		everywhere := c.Names(kind)
		var resources []Resource
		for _, s := range y.Resources {
			if s.Resource.Kind == kind {
				resources, everywhere = append(resources, s.Resource), everywhere.Intersect(s.Scope)
			}
		}
		if len(resources) > 0 && len(everywhere) > 0 {
			f.Resources, scope = append(f.Resources, resources...), scope.Union(everywhere)
		}
	}
	if len(scope) > 0 {
		f.Scope = scope
	}
	return f
}

// formerVersion is that of the grant when what does not say it began: a grant starts
// with it, and what the release before wrote is older.
const formerVersion = 1

// NoFormerScope is the scope of a grant of which the former release may use nothing: it
// keeps no grant without one, and no catalogue has this.
const NoFormerScope = "-"
