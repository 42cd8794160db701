package grant

import (
	"math"
	"slices"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// Former is a grant as the release before approvals keeps it: whatever was ever
// allowed, and what was selected last. What it permits is the product of the two.
type Former struct {
	Scope      oauth.Scope
	Resources  []Resource
	Identities []Identity
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
	g.Scope, g.Approvals, g.FormerIdentity = f.Scope, nil, Identity{}
	if len(f.Identities) != 1 {
		return g.allow(Place{}, f.Scope.Intersect(c.Names(preset.Identity)))
	}
	g.FormerIdentity = f.Identities[0]
	g = g.allow(Place{Identity: g.FormerIdentity}, f.Scope.Intersect(c.Names(preset.Identity, preset.API)))
	for _, r := range f.Resources {
		g = g.allow(Place{Resource: r, Identity: g.FormerIdentity}, c.Common(f.Scope.Intersect(c.Names(r.Kind))))
	}
	return g
}

// allow adds an approval for whatever has begun, unless scope is empty.
func (g Grant) allow(at Place, scope oauth.Scope) Grant {
	if len(scope) > 0 {
		g.Approvals = append(g.Approvals, Approval{Scope: scope, At: at})
	}
	return g
}

// Written returns what the release before approvals may read of the grant. The
// product that it makes is nothing that was not allowed to each identity, from the
// beginning and by the subject, without a resource indicator.
func (g Grant) Written(c preset.Catalogue) Former {
	f := Former{Scope: oauth.Scope{nothing}, Identities: g.identities()}
	var shared []Shared
	for i, as := range f.Identities {
		y := yield(c, g.Approvals, Claim{Identity: as, Scope: c.Grantable(), Version: g.first(as)})
		if i == 0 {
			f.Scope, shared = y.Scope, y.Resources
			continue
		}
		f.Scope, shared = f.Scope.Intersect(y.Scope), common(shared, y.Resources)
	}
	for _, kind := range []preset.Kind{preset.Workspace, preset.Project} {
		of := slices.DeleteFunc(slices.Clone(shared), func(s Shared) bool { return s.Resource.Kind != kind })
		scope := c.Names(kind)
		for _, s := range of {
			scope = scope.Intersect(s.Scope)
		}
		if len(of) == 0 || len(scope) == 0 {
			continue
		}
		f.Scope = f.Scope.Union(scope)
		for _, s := range of {
			f.Resources = append(f.Resources, s.Resource)
		}
	}
	if len(f.Scope) == 0 {
		f.Scope = oauth.Scope{nothing}
	}
	return f
}

// nothing is the scope of a grant of which the former release may use nothing: it
// keeps no grant without one, and no catalogue has this.
const nothing = "-"

// identities are those that the subject has allowed something.
func (g Grant) identities() []Identity {
	var list []Identity
	for _, a := range g.Approvals {
		if a.At.Identity != (Identity{}) && !slices.Contains(list, a.At.Identity) {
			list = append(list, a.At.Identity)
		}
	}
	return list
}

// first is the version at which the identity was first allowed something: zero for
// one that was allowed nothing.
func (g Grant) first(as Identity) int64 {
	first := int64(math.MaxInt64)
	for _, a := range g.Approvals {
		if a.At.Identity == as {
			first = min(first, a.Version)
		}
	}
	return first % math.MaxInt64
}

// common returns what is in both lists, with the scopes that are.
func common(a, b []Shared) []Shared {
	var both []Shared
	for _, s := range a {
		i := slices.IndexFunc(b, func(other Shared) bool { return other.Resource == s.Resource })
		if i < 0 {
			continue
		}
		if scope := s.Scope.Intersect(b[i].Scope); len(scope) > 0 {
			both = append(both, Shared{s.Resource, scope})
		}
	}
	return both
}
