// Package role orders what a subject may do in a workspace or project.
//
// It does not know what each role permits: the platform's own APIs decide that
// from the scopes and the role that an introspection answers.
package role

import "fmt"

// Role is a level of access; a greater one includes every lesser one. The
// numbers are sealed into tokens and stored in rows: they never change.
type Role uint8

const (
	// None is no access, and the zero value.
	None Role = 0
	// Viewer may read.
	Viewer Role = 1
	// Member may read and change.
	Member Role = 2
	// Admin may also say who else has access.
	Admin Role = 3
)

// Parse returns the role that name stands for. Fails for every other text,
// "none" and the empty one included: having no role is the absence of a
// membership, and not one that can be given.
func Parse(name string) (Role, error) {
	for r := Viewer; r <= Admin; r++ {
		if name == r.String() {
			return r, nil
		}
	}
	return None, fmt.Errorf("parse role: %q is not viewer, member or admin", name)
}

// String returns the name that [Parse] reads, and "none" for [None].
func (r Role) String() string {
	switch r {
	case None:
		return "none"
	case Viewer:
		return "viewer"
	case Member:
		return "member"
	case Admin:
		return "admin"
	default:
		return fmt.Sprintf("role(%d)", uint8(r))
	}
}

// Valid reports whether r is a role that a subject can hold. [None] is not.
func (r Role) Valid() bool { return Viewer <= r && r <= Admin }

// Min returns the lesser of two roles. It caps what was granted at what the
// subject holds now. An unknown number counts as [None]: it must not pass as
// more than [Admin].
func Min(a, b Role) Role {
	if !a.Valid() || !b.Valid() {
		return None
	}
	return min(a, b)
}
