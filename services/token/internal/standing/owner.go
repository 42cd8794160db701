package standing

import (
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// withOwner adds the owner of an internal client to the workspaces to ask for.
func (a Asked) withOwner(workspaces []uuid.UUID) []uuid.UUID {
	if a.Owner == uuid.Nil || slices.Contains(workspaces, a.Owner) {
		return workspaces
	}
	return append(workspaces, a.Owner)
}

// required is the membership that a token of an internal client hangs on. Fails
// with invalid_grant for a user who is no member, or not any more.
func (a Asked) required(s Subject) (credential.Workspace, error) {
	if a.Owner == uuid.Nil {
		return credential.Workspace{}, nil
	}
	m, ok := s.Memberships[a.Owner]
	if !ok || !m.Role.Valid() {
		return credential.Workspace{}, oauth.RefuseBecause(oauth.InvalidGrant, "the authorization has ended", errors.New("subject is no member of the client's workspace"))
	}
	return credential.Workspace{ID: a.Owner, Role: m.Role, MembershipVersion: m.Version}, nil
}
