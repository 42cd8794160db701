package grant

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// Approval is what a subject has allowed a client at one place: each value of the
// scope is an approval of its own.
type Approval struct {
	Scope oauth.Scope // not empty
	At    Place
	// Version is that of the grant when it was allowed. Zero: it holds for whatever
	// the client has begun, as what is added on the account page does.
	Version int64
	// ByPolicy says that nobody was asked, because the client is the platform's own.
	// It ends when the client is that no more.
	ByPolicy bool
}

// Place is where, for which API and to whom something is allowed.
type Place struct {
	// Resource is zero for a scope that selects none.
	Resource Resource
	// Audience is a resource indicator (RFC 8707); empty for a request without one.
	Audience string
	// Identity is what the client came as.
	Identity Identity
}

// Resource is a workspace or a project, shared under one membership of the
// subject. The same one under another membership is another.
type Resource struct {
	Kind         preset.Kind // Workspace or Project
	ID           uuid.UUID
	WorkspaceID  uuid.UUID // of a workspace, its own id
	MembershipID uuid.UUID
}

// anyMembership is the resource under whichever membership.
func (r Resource) anyMembership() Resource { return Resource{Kind: r.Kind, ID: r.ID} }

// compare orders resources by kind and id.
func (r Resource) compare(other Resource) int {
	return cmp.Or(cmp.Compare(r.Kind, other.Kind), bytes.Compare(r.ID[:], other.ID[:]), bytes.Compare(r.MembershipID[:], other.MembershipID[:]))
}

// Shared is a resource with what is allowed there.
type Shared struct {
	Resource Resource
	Scope    oauth.Scope // not empty
}

// Claim is what a client asks of a grant.
type Claim struct {
	Identity  Identity
	Scope     oauth.Scope
	Audiences []string // empty: none in particular
	// Version is that of the grant when the client began. What was allowed later
	// is not for it.
	Version int64
	// OneWorkspace says that exactly one workspace is to be shared: the one of that
	// id, or if none was chosen the only one there is.
	OneWorkspace bool
	WorkspaceID  uuid.UUID
	// PlatformOwn says that the client needs no consent.
	PlatformOwn bool
}

// Yield is what a claim gets. It is a part of what was asked, or of what that
// stands for.
type Yield struct {
	Scope     oauth.Scope // that selects nothing
	Resources []Shared
}

// yield returns what of the claim a grant allows, at each resource apart: what is
// allowed at one is worth nothing at another.
func (g Grant) yield(c preset.Catalogue, of Claim) Yield {
	allowed := g.allowed(c, func(a Approval) bool {
		return a.At.Identity == of.Identity && a.Version <= of.Version && (!a.ByPolicy || of.PlatformOwn)
	})
	resources := make(map[Resource]bool)
	for place := range allowed {
		resources[place.Resource] = true
	}
	asked := make(map[preset.Kind]oauth.Scope)
	for r := range resources {
		asked[r.Kind] = of.Scope.Intersect(c.Names(r.kinds()...))
	}
	var y Yield
	for _, r := range slices.SortedFunc(maps.Keys(resources), Resource.compare) {
		scope := of.at(c, r, asked[r.Kind], allowed)
		switch {
		case r == Resource{}:
			y.Scope = scope
		case len(scope) > 0 && of.chose(r):
			y.Resources = append(y.Resources, Shared{r, scope})
		}
	}
	if of.OneWorkspace && y.count(preset.Workspace) > 1 {
		y.Resources = slices.DeleteFunc(y.Resources, func(s Shared) bool { return s.Resource.Kind == preset.Workspace })
	}
	return y
}

// count says how many resources of the kind there are.
func (y Yield) count(kind preset.Kind) (n int) {
	for _, s := range y.Resources {
		if s.Resource.Kind == kind {
			n++
		}
	}
	return n
}

// at is what a claim that asks for these scopes gets at r. A claim that
// asks for workspace:admin, and was allowed workspace:viewer there, gets
// workspace:viewer.
func (of Claim) at(c preset.Catalogue, r Resource, asked oauth.Scope, allowed map[Place]oauth.Scope) oauth.Scope {
	both := c.Implied(asked)
	for _, audience := range audiences(of.Audiences) {
		both = both.Intersect(allowed[Place{r, audience, of.Identity}])
	}
	got := asked.Intersect(both)
	instead := c.Highest(both).Without(c.Implied(got)...)
	return got.Union(instead)
}

// kinds are those of the scopes that can be allowed at r.
func (r Resource) kinds() []preset.Kind {
	if r == (Resource{}) {
		return []preset.Kind{preset.Identity, preset.API}
	}
	return []preset.Kind{r.Kind}
}

// chose says whether r is the chosen workspace, if one is.
func (of Claim) chose(r Resource) bool {
	return !of.OneWorkspace || of.WorkspaceID == uuid.Nil || r.Kind != preset.Workspace || r.ID == of.WorkspaceID
}

// audiences is list, or the one audience of a request that names none.
func audiences(list []string) []string {
	if len(list) == 0 {
		return []string{""}
	}
	return list
}

// Shared is every resource with all that is allowed there, to whichever identity,
// without what others of these scopes stand for.
func (g Grant) Shared(c preset.Catalogue) []Shared {
	scopes := make(map[Resource]oauth.Scope)
	for _, a := range g.Approvals {
		if r := a.At.Resource; r != (Resource{}) {
			scopes[r] = scopes[r].Union(a.Scope)
		}
	}
	var list []Shared
	for _, r := range slices.SortedFunc(maps.Keys(scopes), Resource.compare) {
		list = append(list, Shared{r, c.Highest(scopes[r])})
	}
	return list
}

// Allowed is everything that is allowed somewhere, to whichever identity, by name.
func (g Grant) Allowed() oauth.Scope {
	var scope oauth.Scope
	for _, a := range g.Approvals {
		scope = scope.Union(a.Scope)
	}
	slices.Sort(scope)
	return scope
}
