package grant

import (
	"maps"
	"slices"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// Change says what becomes of a grant. It has no effect of its own, and may be
// called again. A grant that starts has the version zero before.
type Change func(before Stored) After

// After is a grant after a change.
type After struct {
	Grant
	// Former is what the release before approvals may read of it.
	Former Former
	// Lost says that something was taken away: then the access tokens sealed so far
	// must end.
	Lost bool
}

// decision is what a subject has decided about a grant.
type decision interface {
	// apply returns the grant after it, and whether something was taken away.
	apply(c preset.Catalogue, before Grant) (after Grant, lost bool)
}

// changeBy is the change that a decision makes.
func changeBy(c preset.Catalogue, d decision) Change {
	return func(before Stored) After {
		after, lost := d.apply(c, before.Read(c))
		after.Approvals = merged(after.Approvals)
		return After{Grant: after, Former: after.Written(c), Lost: lost}
	}
}

// consented is what a subject has allowed on a consent page, or the platform in
// its place.
type consented struct {
	scope     oauth.Scope
	audiences []string
	identity  Identity
	// picked is what was ticked. Of the kinds, whatever was not is taken back.
	picked   []Resource
	kinds    Kinds
	byPolicy bool
}

// apply adds what was ticked to what is there already, and takes back what was
// not: whatever it was, and to whichever identity. What is left ticked is never
// lowered.
func (d consented) apply(c preset.Catalogue, g Grant) (after Grant, lost bool) {
	after = g
	if g.Version == 0 {
		after.FormerIdentity = d.identity
	}
	after.Scope = g.Scope.Union(d.scope)
	after.Approvals = keep(g.Approvals, func(a Approval) bool { return !d.takesBack(a.At.Resource) })
	lost = len(after.Approvals) < len(g.Approvals)
	changed := lost
	for _, place := range d.places() {
		allowed := d.scope.Intersect(c.Names(place.Resource.kinds()...))
		if missing := allowed.Without(c.Implied(after.allowedAt(place, d.byPolicy))...); len(missing) > 0 {
			changed = true
			after.Approvals = append(after.Approvals, Approval{Scope: missing, At: place, Version: g.Version + 1, ByPolicy: d.byPolicy})
		}
	}
	if changed {
		after.Version++
	}
	return after, lost
}

// takesBack says whether the decision takes r from everybody: it was left without a
// tick, or its membership is another one by now.
func (d consented) takesBack(r Resource) bool {
	return (d.kinds.have(r) || slices.ContainsFunc(d.picked, r.same)) && !slices.Contains(d.picked, r)
}

// places are those at which the scope is allowed.
func (d consented) places() []Place {
	var places []Place
	for _, audience := range audiences(d.audiences) {
		for _, r := range append([]Resource{{}}, d.picked...) {
			places = append(places, Place{r, audience, d.identity})
		}
	}
	return places
}

// allowedAt returns what is allowed at a place. What no subject has said counts
// only where the platform decides again.
func (g Grant) allowedAt(place Place, byPolicy bool) oauth.Scope { //nolint:revive // flag-parameter: it is data, not control.
	var scope oauth.Scope
	for _, a := range g.Approvals {
		if a.At == place && (byPolicy || !a.ByPolicy) {
			scope = scope.Union(a.Scope)
		}
	}
	return scope
}

// sharing is what a subject has made of a grant on the account page.
type sharing struct {
	// levels are what each resource is to be shared with, nil for what it is shared
	// with already. Of the kinds, whatever is not among them is taken back.
	levels map[Resource]oauth.Scope
	kinds  Kinds
	// identities are what the client can come as now. What is added is for those
	// of them that were allowed something, or else for them all.
	identities []Identity
}

// apply lowers what is there, and adds what is not. Lowered, an approval is as
// old as it was: whoever had more has this. What is added is for everything that
// the client has begun under the identity, whenever that was.
func (d sharing) apply(c preset.Catalogue, g Grant) (after Grant, lost bool) {
	after = g
	after.Approvals = nil
	for _, a := range g.Approvals {
		left := d.left(c, a)
		lost = lost || !a.Scope.SubsetOf(left)
		if len(left) > 0 {
			a.Scope = left
			after.Approvals = append(after.Approvals, a)
		}
	}
	for _, r := range slices.SortedFunc(maps.Keys(d.levels), Resource.compare) {
		for _, place := range g.placesOf(r, d.identities) {
			if missing := d.levels[r].Without(c.Implied(after.allowedAt(place, false))...); len(missing) > 0 {
				after.Approvals = append(after.Approvals, Approval{Scope: missing, At: place})
			}
		}
	}
	if lost {
		after.Version++
	}
	return after, lost
}

// left is what is left of an approval.
func (d sharing) left(c preset.Catalogue, a Approval) oauth.Scope {
	r := a.At.Resource
	level, stays := d.levels[r]
	switch {
	case stays && level == nil, !stays && !d.kinds.have(r):
		return a.Scope
	case !stays:
		return nil
	}
	var left oauth.Scope
	for _, name := range a.Scope {
		left = left.Union(c.Highest(c.Implied(oauth.Scope{name}).Intersect(c.Implied(level))))
	}
	return c.Highest(left)
}

// placesOf are those of a resource, for the identities that are on record and what
// else each of them was allowed something for.
func (g Grant) placesOf(r Resource, identities []Identity) []Place {
	var places []Place
	for _, a := range g.Approvals {
		place := Place{r, a.At.Audience, a.At.Identity}
		if slices.Contains(identities, place.Identity) && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	if len(places) == 0 {
		for _, as := range identities {
			places = append(places, Place{Resource: r, Identity: as})
		}
	}
	return places
}

// merged returns the approvals with one entry for each place, version and reason.
func merged(approvals []Approval) []Approval {
	type key struct {
		at       Place
		version  int64
		byPolicy bool
	}
	at := make(map[key]int)
	var list []Approval
	for _, a := range approvals {
		k := key{a.At, a.Version, a.ByPolicy}
		if i, known := at[k]; known {
			list[i].Scope = list[i].Scope.Union(a.Scope)
			continue
		}
		at[k] = len(list)
		list = append(list, a)
	}
	return list
}

// keep returns the approvals that are wanted.
func keep(approvals []Approval, wanted func(Approval) bool) []Approval {
	var kept []Approval
	for _, a := range approvals {
		if wanted(a) {
			kept = append(kept, a)
		}
	}
	return kept
}
