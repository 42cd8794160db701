package grant

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
)

// maxSelected bounds the resources of each kind in a grant.
const maxSelected = 1000

// Directory knows what subjects may share.
type Directory interface {
	// Shareable returns what the subject may share at this moment, from the truth
	// and not from a cache. Fails with fault.NotFound for an unknown subject.
	Shareable(ctx context.Context, sub string) (Resources, error)
}

// Resources is what a subject may share.
type Resources struct {
	Workspaces []Workspace
	Projects   []Project
}

// Workspace is one in which the subject has a role.
type Workspace struct {
	ID uuid.UUID
	// MembershipID is another one after the subject was removed and added again.
	MembershipID uuid.UUID
	Name         string
	Role         role.Role // the subject's, not None
}

// Project is one in a workspace in which the subject has a role, which is the
// role in the project too.
type Project struct {
	ID        uuid.UUID
	Name      string
	Workspace Workspace
}

func (w Workspace) shared() SharedWorkspace {
	return SharedWorkspace{ID: w.ID, MembershipID: w.MembershipID}
}

func (p Project) shared() SharedProject {
	return SharedProject{ID: p.ID, WorkspaceID: p.Workspace.ID, MembershipID: p.Workspace.MembershipID}
}

// Picked names what a subject has selected, as it came from outside.
type Picked struct {
	WorkspaceIDs, ProjectIDs []string
}

// workspaces returns those of r with the ids, by id. Fails with invalid_request,
// access_denied.
func (r Resources) workspaces(ids []string) ([]SharedWorkspace, error) {
	mine := make(map[uuid.UUID]SharedWorkspace, len(r.Workspaces))
	for _, w := range r.Workspaces {
		mine[w.ID] = w.shared()
	}
	return pick(ids, mine)
}

// projects is workspaces for projects.
func (r Resources) projects(ids []string) ([]SharedProject, error) {
	mine := make(map[uuid.UUID]SharedProject, len(r.Projects))
	for _, p := range r.Projects {
		mine[p.ID] = p.shared()
	}
	return pick(ids, mine)
}

// pick finds all that texts name, or nothing.
func pick[T any](texts []string, mine map[uuid.UUID]T) ([]T, error) {
	ids, err := parseIDs(texts)
	if err != nil {
		return nil, err
	}
	picked := make([]T, 0, len(ids))
	for _, id := range ids {
		shared, ok := mine[id]
		if !ok {
			// Deleted, foreign and never there look the same.
			return nil, oauth.Refuse(oauth.AccessDenied, "the selection names a resource that the user cannot share")
		}
		picked = append(picked, shared)
	}
	return picked, nil
}

// parseIDs reads ids in their one form, and sorts them: the order of a selection
// says nothing.
func parseIDs(texts []string) ([]uuid.UUID, error) {
	if len(texts) > maxSelected {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the selection has more than 1000 resources")
	}
	ids := make([]uuid.UUID, 0, len(texts))
	for _, text := range texts {
		id, err := uuid.Parse(text)
		// The parser also reads braces, a URN, and upper case.
		if err != nil || id.String() != text {
			return nil, oauth.Refuse(oauth.InvalidRequest, "the selection has a malformed identifier")
		}
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	if len(slices.Compact(slices.Clone(ids))) != len(ids) {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the selection names a resource twice")
	}
	return ids, nil
}
