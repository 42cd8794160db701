// Package membership is the role of a subject in a workspace.
//
// The one thing to get right is what a change takes away. A role that is
// lowered, or lost, is a restriction on tokens that name an earlier version; one
// that is raised shows in the next token. The version of a pair of subject and
// workspace never restarts, so a former member leaves a row behind.
package membership

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// Membership is one subject's role in one workspace, with the names of both.
type Membership struct {
	// ID is new whenever the subject is added again.
	ID            uuid.UUID
	Sub           string
	Username      string
	WorkspaceID   uuid.UUID
	WorkspaceName string
	Role          role.Role
	// Version grows with each change, removal and addition.
	Version int64
}

// Standing is what a subject has: roles in workspaces, and projects in them.
type Standing struct {
	Memberships []Membership
	Projects    []project.Project
}

var (
	// ErrNotFound is returned for a subject that is not a member now.
	ErrNotFound = errors.New("membership not found")
	// ErrExists is returned for a subject that is a member already.
	ErrExists = errors.New("subject is a member already")
)

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}

// Directory administers memberships.
type Directory struct {
	Memberships *Store
	Workspaces  *workspace.Store
	Apps        workspace.Apps
	Hints       Publisher
}

// Add makes a subject a member of a workspace. What was shared under an earlier
// membership stays lost, for that one had another id. Fails with fault.Invalid
// (role), fault.NotFound and fault.AlreadyExists.
func (d *Directory) Add(ctx context.Context, sub string, workspaceID uuid.UUID, roleName string) (Membership, error) {
	r, err := parseRole(roleName)
	if err != nil {
		return Membership{}, err
	}
	if !subject.Possible(sub) {
		return Membership{}, subject.Named(subject.ErrNotFound)
	}
	m, err := d.Memberships.Add(ctx, Membership{ID: uuid.New(), Sub: sub, WorkspaceID: workspaceID, Role: r})
	switch {
	case errors.Is(err, ErrExists):
		return Membership{}, fault.Because(fault.AlreadyExists, "that user is a member of that workspace already", err)
	case errors.Is(err, subject.ErrNotFound):
		return Membership{}, subject.Named(err)
	case errors.Is(err, workspace.ErrNotFound):
		return Membership{}, workspace.Named(err)
	case err != nil:
		return Membership{}, fmt.Errorf("add member: %w", err)
	}
	return m, nil
}

// SetRole changes the role of a member. Fails with fault.Invalid (role) and
// fault.NotFound.
func (d *Directory) SetRole(ctx context.Context, sub string, workspaceID uuid.UUID, roleName string) (Membership, error) {
	r, err := parseRole(roleName)
	if err != nil {
		return Membership{}, err
	}
	if !subject.Possible(sub) {
		return Membership{}, named(ErrNotFound)
	}
	m, restrictions, err := d.Memberships.SetRole(ctx, sub, workspaceID, r)
	if err != nil {
		return Membership{}, named(err)
	}
	d.Hints.Publish(ctx, restrictions...)
	return m, nil
}

// Remove ends a membership. Fails with fault.NotFound.
func (d *Directory) Remove(ctx context.Context, sub string, workspaceID uuid.UUID) error {
	if !subject.Possible(sub) {
		return named(ErrNotFound)
	}
	restrictions, err := d.Memberships.Remove(ctx, sub, workspaceID)
	if err != nil {
		return named(err)
	}
	d.Hints.Publish(ctx, restrictions...)
	return nil
}

// List returns the members of a workspace, by user name. Fails with
// fault.NotFound.
func (d *Directory) List(ctx context.Context, workspaceID uuid.UUID) ([]Membership, error) {
	if _, err := d.Workspaces.Find(ctx, workspaceID); err != nil {
		return nil, workspace.Named(err)
	}
	members, err := d.Memberships.List(ctx, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return members, nil
}

// Unmanaged is the warning for a caller that made the last admin leave.
type Unmanaged struct {
	// Workspaces is how many have no admin.
	Workspaces int
	// Apps is how many those own, which live on.
	Apps int64
}

// Unmanaged looks for an admin of each of the workspaces.
func (d *Directory) Unmanaged(ctx context.Context, workspaceIDs ...uuid.UUID) (Unmanaged, error) {
	var u Unmanaged
	for _, id := range workspaceIDs {
		has, err := d.Memberships.HasAdmin(ctx, id)
		if err != nil {
			return Unmanaged{}, fmt.Errorf("look for admin: %w", err)
		}
		if has {
			continue
		}
		apps, err := d.Apps.Count(ctx, id)
		if err != nil {
			return Unmanaged{}, fmt.Errorf("count apps: %w", err)
		}
		u.Workspaces, u.Apps = u.Workspaces+1, u.Apps+apps
	}
	return u, nil
}

// UnmanagedBy is [Directory.Unmanaged] of the workspaces in which the subject is an
// admin, also one who is disabled.
func (d *Directory) UnmanagedBy(ctx context.Context, sub string) (Unmanaged, error) {
	standing, err := d.Resources(ctx, sub)
	if err != nil {
		return Unmanaged{}, err
	}
	var ids []uuid.UUID
	for _, m := range standing.Memberships {
		if m.Role == role.Admin {
			ids = append(ids, m.WorkspaceID)
		}
	}
	return d.Unmanaged(ctx, ids...)
}

// Standing returns what a subject has of the named workspaces and projects. An
// id that cannot be one names nothing.
func (d *Directory) Standing(ctx context.Context, sub string, workspaceIDs, projectIDs []string) (Standing, error) {
	workspaces, projects := ids(workspaceIDs), ids(projectIDs)
	if len(workspaces)+len(projects) == 0 {
		return Standing{}, nil
	}
	s, err := d.Memberships.Standing(ctx, sub, workspaces, projects)
	if err != nil {
		return Standing{}, fmt.Errorf("read standing: %w", err)
	}
	return s, nil
}

// Resources returns everything a subject may share.
func (d *Directory) Resources(ctx context.Context, sub string) (Standing, error) {
	s, err := d.Memberships.Resources(ctx, sub)
	if err != nil {
		return Standing{}, fmt.Errorf("read resources: %w", err)
	}
	return s, nil
}

// ids leaves out what is no UUID in canonical form.
func ids(texts []string) []uuid.UUID {
	parsed := make([]uuid.UUID, 0, len(texts))
	for _, text := range texts {
		if id, err := uuid.Parse(text); err == nil && id.String() == text {
			parsed = append(parsed, id)
		}
	}
	return parsed
}

func parseRole(name string) (role.Role, error) {
	r, err := role.Parse(name)
	if err != nil {
		return role.None, fault.Because(fault.Invalid, "role must be viewer, member or admin", err)
	}
	return r, nil
}

// named translates the error of a look-up by subject and workspace.
func named(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fault.Because(fault.NotFound, "that user is not a member of that workspace", err)
	}
	return fmt.Errorf("look up membership: %w", err)
}
