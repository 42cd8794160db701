package grant

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
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

func (w Workspace) resource() Resource {
	return Resource{Kind: preset.Workspace, ID: w.ID, WorkspaceID: w.ID, MembershipID: w.MembershipID}
}

func (p Project) resource() Resource {
	return Resource{Kind: preset.Project, ID: p.ID, WorkspaceID: p.Workspace.ID, MembershipID: p.Workspace.MembershipID}
}

// of returns the resources of the kinds.
func (r Resources) of(kinds Kinds) []Resource {
	var list []Resource
	if kinds.Workspaces {
		for _, w := range r.Workspaces {
			list = append(list, w.resource())
		}
	}
	if kinds.Projects {
		for _, p := range r.Projects {
			list = append(list, p.resource())
		}
	}
	return list
}

// Picked names what a subject has selected, as it came from outside.
type Picked struct {
	WorkspaceIDs, ProjectIDs []string
}

// Selection is what a subject has selected on the account page.
type Selection struct {
	Picked
	// Scopes has what each picked resource is to be shared with, by id. One that is
	// not in it stays as it is, or is shared with everything that the account page
	// offers.
	Scopes map[string]string
}

// pick returns the resources that picked names, by kind and id. Fails with
// invalid_request, access_denied.
func (r Resources) pick(picked Picked) ([]Resource, error) {
	workspaces, err := pick(picked.WorkspaceIDs, r.of(Kinds{Workspaces: true}))
	if err != nil {
		return nil, err
	}
	projects, err := pick(picked.ProjectIDs, r.of(Kinds{Projects: true}))
	return append(workspaces, projects...), err
}

// pick finds all that texts name, or nothing.
func pick(texts []string, mine []Resource) ([]Resource, error) {
	ids, err := parseIDs(texts)
	if err != nil {
		return nil, err
	}
	byID := make(map[uuid.UUID]Resource, len(mine))
	for _, r := range mine {
		byID[r.ID] = r
	}
	picked := make([]Resource, 0, len(ids))
	for _, id := range ids {
		r, ok := byID[id]
		if !ok {
			// Deleted, foreign and never there look the same.
			return nil, oauth.Refuse(oauth.AccessDenied, "the selection names a resource that the user cannot share")
		}
		picked = append(picked, r)
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
