package verdict

import (
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
)

// selector is the scope values that select resources of one kind, with the most
// that each gives there.
type selector map[string]role.Role

func selectorOf(scopes preset.Catalogue, kind preset.Kind) selector {
	s := make(selector)
	for _, scope := range scopes {
		if scope.Kind == kind {
			s[scope.Name] = scope.Level
		}
	}
	return s
}

func (s selector) selects(name string) bool {
	_, ok := s[name]
	return ok
}

// level is the highest of the values.
func (s selector) level(values oauth.Scope) role.Role {
	highest := role.None
	for _, name := range values {
		highest = max(highest, s[name])
	}
	return highest
}

// holding finds out which values of one token's scope hold in which resource of
// one kind.
type holding struct {
	selector
	sealed oauth.Scope // the token's own, which masks are over
	left   oauth.Scope // what of it the client is still allowed
	limit  role.Role   // of all that is left
	// Of the resources so far: everywhere says that one of them has all that is left,
	// somewhere is what the others have.
	everywhere bool
	somewhere  oauth.Scope
}

// over begins with a token that shares nothing. The roles in a token are within
// its scope already, so that the limit matters only where some of that is gone.
func (s selector) over(sealed, left oauth.Scope) holding {
	h := holding{selector: s, sealed: sealed, left: left, limit: role.Admin}
	if len(left) < len(sealed) {
		h.limit = s.level(left)
	}
	return h
}

// in returns what the token permits in a resource where the subject has a role: with
// the role none where no value of the scope holds.
func (h *holding) in(id uuid.UUID, has role.Role, mask credential.Mask) Resource {
	r := Resource{ID: id, Role: role.Min(has, h.limit)}
	if len(mask) > 0 {
		r.Scope = h.masked(mask)
		r.Role = role.Min(r.Role, h.level(r.Scope))
	}
	switch {
	case !r.Role.Valid():
	case len(mask) == 0:
		h.everywhere = true
	default:
		h.somewhere = h.somewhere.Union(r.Scope)
	}
	return r
}

// masked returns the values of this kind that a mask leaves of what is left.
func (h *holding) masked(mask credential.Mask) oauth.Scope {
	var held oauth.Scope
	for i, name := range h.sealed {
		if mask.Has(i) && h.selects(name) && h.left.Contains(name) {
			held = append(held, name)
		}
	}
	return held
}

// without returns scope less the values of this kind that hold in no resource: a
// selection that is empty never means everything.
func (h *holding) without(scope oauth.Scope) oauth.Scope {
	if h.everywhere {
		return scope
	}
	var lost []string
	for _, name := range scope {
		if h.selects(name) && !h.somewhere.Contains(name) {
			lost = append(lost, name)
		}
	}
	if len(lost) == 0 {
		return scope
	}
	return scope.Without(lost...)
}

// compare leaves a scope with those resources alone that have less than the others
// have together.
func (h *holding) compare(resources []Resource) {
	if len(h.somewhere) == 0 {
		return // all have the same
	}
	all := len(h.somewhere)
	if h.everywhere {
		all = len(h.masked(nil))
	}
	for i := range resources {
		if len(resources[i].Scope) == all {
			resources[i].Scope = nil
		}
	}
}
