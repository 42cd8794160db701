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
		if !lost && before.Former.sharesMore(after) {
			lost, after.Version = true, max(after.Version, before.Version+1)
		}
		former := after.AsFormer(c)
		after.Diverse = former.Scope.Contains(NoFormerScope)
		return After{Grant: after, Former: former, Lost: lost}
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
	if d.identity != (Identity{}) && !slices.Contains(g.Identities, d.identity) {
		after.Identities = append(slices.Clone(g.Identities), d.identity)
	}
	after.Diverse = g.Diverse || g.Version > 0 && d.beginsAnother(g)
	after.Scope = g.Scope.Union(d.scope)
	after.Approvals = d.keep(g.Approvals)
	lost = len(after.Approvals) < len(g.Approvals)
	changed := lost
	allowed := after.allowed(c, func(a Approval) bool { return d.byPolicy || !a.ByPolicy })
	for _, place := range d.places() {
		asked := d.scope.Intersect(c.Names(place.Resource.kinds()...))
		if missing := asked.Without(allowed[place]...); len(missing) > 0 {
			changed = true
			after.Approvals = append(after.Approvals, Approval{Scope: missing, At: place, Version: g.Version + 1, ByPolicy: d.byPolicy})
		}
	}
	if changed {
		after.Version++
	}
	return after, lost
}

// beginsAnother says whether what begins with the decision is unlike what has begun:
// for an audience, or for another workspace where one is chosen.
func (d consented) beginsAnother(g Grant) bool {
	shares := func(r Resource) bool {
		return slices.ContainsFunc(g.Approvals, func(a Approval) bool { return a.At.Resource == r })
	}
	return len(d.audiences) > 0 ||
		!d.kinds.Workspaces && slices.ContainsFunc(d.picked, func(r Resource) bool { return r.Kind == preset.Workspace && !shares(r) })
}

// keep returns the approvals without those at resources that were left without a
// tick, or whose membership is another one by now.
func (d consented) keep(approvals []Approval) []Approval {
	picked := make(map[Resource]Resource, len(d.picked))
	for _, r := range d.picked {
		picked[r.anyMembership()] = r
	}
	var kept []Approval
	for _, a := range approvals {
		r := a.At.Resource
		if ticked, ok := picked[r.anyMembership()]; ok && ticked == r || !ok && !d.kinds.have(r) {
			kept = append(kept, a)
		}
	}
	return kept
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

// sharing is what a subject has made of a grant on the account page.
type sharing struct {
	// levels are what each resource is to be shared with. Of the kinds, whatever is
	// not among them is taken back.
	levels map[Resource]level
	kinds  Kinds
	// identities are what the client can come as now. What is added is for those of
	// them that were allowed something.
	identities []Identity
}

// level is what a resource is to be shared with.
type level struct {
	asIs  bool        // what it is shared with already
	scope oauth.Scope // else this
}

// apply lowers what is there, and adds what is not. Lowered, an approval is as
// old as it was: whoever had more has this. What is added is for everything that
// the client has begun under the identity, whenever that was; a level that somebody
// has there already, as whatever it came, is not added for anybody.
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
	shown, from := g.shown(c), g.placesOf(d.identities)
	for _, r := range slices.SortedFunc(maps.Keys(d.levels), Resource.compare) {
		missing := d.levels[r].scope.Without(shown[r]...)
		if len(missing) == 0 {
			continue
		}
		for _, place := range from {
			place.Resource = r
			after.Approvals = append(after.Approvals, Approval{Scope: missing, At: place})
		}
	}
	if lost {
		after.Version++
	}
	return after, lost
}

// adds says whether there is more to be shared than is now.
func (d sharing) adds(c preset.Catalogue, g Grant) bool {
	shown := g.shown(c)
	for r, level := range d.levels {
		if !level.scope.SubsetOf(shown[r]) {
			return true
		}
	}
	return false
}

// shown is what the account page shows at each resource, with all for which it
// stands.
func (g Grant) shown(c preset.Catalogue) map[Resource]oauth.Scope {
	shown := make(map[Resource]oauth.Scope)
	for _, s := range g.Shared(c) {
		shown[s.Resource] = c.Implied(s.Scope)
	}
	return shown
}

// left is what is left of an approval.
func (d sharing) left(c preset.Catalogue, a Approval) oauth.Scope {
	level, stays := d.levels[a.At.Resource]
	switch {
	case !d.kinds.have(a.At.Resource), stays && level.asIs:
		return a.Scope
	case !stays:
		return nil
	}
	var left oauth.Scope
	for _, name := range a.Scope {
		left = left.Union(c.Highest(c.Implied(oauth.Scope{name}).Intersect(c.Implied(level.scope))))
	}
	return c.Highest(left)
}

// placesOf are those at which the identities were allowed something, for each
// audience, without the resource.
func (g Grant) placesOf(identities []Identity) []Place {
	var places []Place
	for _, a := range g.Approvals {
		place := Place{Audience: a.At.Audience, Identity: a.At.Identity}
		if slices.Contains(identities, place.Identity) && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places
}

// allowed is what the wanted approvals allow at each place, and what that stands
// for.
func (g Grant) allowed(c preset.Catalogue, wanted func(Approval) bool) map[Place]oauth.Scope {
	implied := make(map[string]oauth.Scope) // by scope: few are different
	allowed := make(map[Place]oauth.Scope)
	for _, a := range g.Approvals {
		if !wanted(a) {
			continue
		}
		text := a.Scope.String()
		if _, known := implied[text]; !known {
			implied[text] = c.Implied(a.Scope)
		}
		allowed[a.At] = allowed[a.At].Union(implied[text])
	}
	return allowed
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
