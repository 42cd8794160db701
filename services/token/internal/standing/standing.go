// Package standing is what a grant is worth at this moment: tokens are minted
// from it, never from what was true when the user agreed.
package standing

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
)

// Grant is what one subject has allowed one client.
type Grant struct {
	ID       uuid.UUID
	ClientID string
	Sub      string
	Version  int64
	Scope    oauth.Scope
	// Workspaces and Projects are those the subject picked.
	Workspaces []SharedWorkspace
	Projects   []SharedProject
}

// SharedWorkspace is a workspace in a grant, shared under one membership.
type SharedWorkspace struct {
	ID, MembershipID uuid.UUID
}

// SharedProject is a project in a grant, shared under one membership.
type SharedProject struct {
	ID, MembershipID uuid.UUID
}

// Subject is a user with its standing in the workspaces and projects asked for.
type Subject struct {
	Sub         string
	Version     int64
	Disabled    bool
	Claims      map[string]any           // whatever the directory says of it
	Memberships map[uuid.UUID]Membership // by workspace
	Projects    map[uuid.UUID]Project
}

// Membership is the subject's role in a workspace.
type Membership struct {
	ID      uuid.UUID
	Role    role.Role
	Version int64
}

// Project is a project in a workspace of which the subject is a member.
type Project struct {
	WorkspaceID uuid.UUID
	Version     int64
}

// ErrNotFound is returned for a grant or a subject that is no more.
var ErrNotFound = errors.New("not found")

// Source reads from the owners of grants and subjects, never from a cache: what
// is sealed into a token must not be older than the request for it.
type Source interface {
	// Grant returns a live grant. Fails with ErrNotFound.
	Grant(ctx context.Context, id uuid.UUID) (Grant, error)
	// Subject returns a subject. Fails with ErrNotFound.
	Subject(ctx context.Context, sub string, workspaces, projects []uuid.UUID) (Subject, error)
}

// Asked is whose standing is asked for, and how much of it.
type Asked struct {
	GrantID  uuid.UUID
	ClientID string
	Sub      string
	// SubjectVersion is that of the credential: it has ended if the subject's is
	// greater. Zero: the credential does not say.
	SubjectVersion int64
	Scope          oauth.Scope
	// Owner is the workspace of an internal client, which is for its members
	// alone. Nil: the client is for everybody.
	Owner uuid.UUID
}

// Standing is what may be minted.
type Standing struct {
	Grant     Grant
	Subject   Subject
	Scope     oauth.Scope
	Resources credential.Resources
	// Required is the subject's membership in the owner of an internal client.
	Required credential.Workspace
}

// Resolver finds the standing of grants.
type Resolver struct {
	Source    Source
	Catalogue preset.Catalogue
}

// Resolve returns what asked is worth now: its scope without what the grant has
// lost, and the picked resources in which the subject still has a role. Scopes
// that select resources fall away with the last of these; when no scope is left,
// nothing may be minted. Fails with invalid_grant.
func (r *Resolver) Resolve(ctx context.Context, asked Asked) (Standing, error) {
	grant, err := r.Source.Grant(ctx, asked.GrantID)
	if err != nil {
		return Standing{}, gone(err, "grant")
	}
	if grant.ClientID != asked.ClientID || grant.Sub != asked.Sub {
		return Standing{}, oauth.RefuseBecause(oauth.InvalidGrant, "the authorization has ended", errors.New("grant of another pair"))
	}
	subject, err := r.Source.Subject(ctx, asked.Sub, asked.withOwner(grant.workspaceIDs()), grant.projectIDs())
	if err != nil {
		return Standing{}, gone(err, "subject")
	}
	if subject.Disabled || (asked.SubjectVersion != 0 && subject.Version > asked.SubjectVersion) {
		return Standing{}, oauth.RefuseBecause(oauth.InvalidGrant, "the authorization has ended", errors.New("subject disabled or signed out everywhere"))
	}
	required, err := asked.required(subject)
	if err != nil {
		return Standing{}, err
	}
	scope := asked.Scope.Intersect(grant.Scope)
	resources := r.resources(grant, subject, scope)
	scope = r.Catalogue.Selectable(scope, len(resources.Workspaces), len(resources.Projects))
	if len(scope) == 0 {
		return Standing{}, oauth.Refuse(oauth.InvalidGrant, "nothing that was granted is left")
	}
	return Standing{Grant: grant, Subject: subject, Scope: scope, Resources: resources, Required: required}, nil
}

// gone turns "no more" into a refusal.
func gone(err error, what string) error {
	if errors.Is(err, ErrNotFound) {
		return oauth.RefuseBecause(oauth.InvalidGrant, "the authorization has ended", fmt.Errorf("%s: %w", what, err))
	}
	return fmt.Errorf("find %s: %w", what, err)
}

// resources are the picked ones that the scope opens, with the role that the
// scope and the subject's own allow.
func (r *Resolver) resources(g Grant, s Subject, scope oauth.Scope) credential.Resources {
	var shared credential.Resources
	level := r.Catalogue.Level(scope, preset.Workspace)
	for _, w := range g.Workspaces {
		m, ok := s.Memberships[w.ID]
		// Another membership is one that began after the consent.
		if ok && m.ID == w.MembershipID && role.Min(level, m.Role) != role.None {
			shared.Workspaces = append(shared.Workspaces, credential.Workspace{
				ID: w.ID, Role: role.Min(level, m.Role), MembershipVersion: m.Version,
			})
		}
	}
	level = r.Catalogue.Level(scope, preset.Project)
	for _, p := range g.Projects {
		project, ok := s.Projects[p.ID]
		m := s.Memberships[project.WorkspaceID]
		if ok && m.ID == p.MembershipID && role.Min(level, m.Role) != role.None {
			shared.Projects = append(shared.Projects, credential.Project{
				ID: p.ID, WorkspaceID: project.WorkspaceID, Role: role.Min(level, m.Role),
				MembershipVersion: m.Version, ProjectVersion: project.Version,
			})
		}
	}
	return shared
}

func (g Grant) workspaceIDs() []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(g.Workspaces))
	for _, w := range g.Workspaces {
		ids = append(ids, w.ID)
	}
	return ids
}

func (g Grant) projectIDs() []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(g.Projects))
	for _, p := range g.Projects {
		ids = append(ids, p.ID)
	}
	return ids
}
