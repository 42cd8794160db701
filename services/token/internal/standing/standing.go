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

// Grant is what of a grant an origin gets.
type Grant struct {
	ID       uuid.UUID
	ClientID string
	Sub      string
	Version  int64
	// Scope is what selects no resource.
	Scope oauth.Scope
	// Workspaces and Projects are shared, each with what is allowed there.
	Workspaces, Projects []Shared
}

// Shared is a workspace or project, shared under one membership.
type Shared struct {
	ID, MembershipID uuid.UUID
	Scope            oauth.Scope
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
	// Grant returns what asked gets of a live grant. Fails with ErrNotFound.
	Grant(ctx context.Context, asked Asked) (Grant, error)
	// Subject returns a subject. Fails with ErrNotFound.
	Subject(ctx context.Context, sub string, workspaces, projects []uuid.UUID) (Subject, error)
}

// Asked is whose standing is asked for, and how much of it.
type Asked struct {
	GrantID  uuid.UUID
	Origin   credential.Origin
	ClientID string
	Sub      string
	// SubjectVersion is that of the credential: it has ended if the subject's is
	// greater. Zero: the credential does not say.
	SubjectVersion int64
	Scope          oauth.Scope
	// Audience is for which APIs the token is to be (RFC 8707).
	Audience []string
	// PlatformOwn says that the client needs no consent.
	PlatformOwn bool
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

// Resolve returns what asked is worth now: what of it is allowed, at each of the
// shared resources in which the subject still has a role. Scopes that select
// resources fall away with the last of these; when no scope is left, nothing may be
// minted. Fails with invalid_grant.
func (r *Resolver) Resolve(ctx context.Context, asked Asked) (Standing, error) {
	grant, err := r.Source.Grant(ctx, asked)
	if err != nil {
		return Standing{}, gone(err, "grant")
	}
	if grant.ClientID != asked.ClientID || grant.Sub != asked.Sub {
		return Standing{}, oauth.RefuseBecause(oauth.InvalidGrant, "the authorization has ended", errors.New("grant of another pair"))
	}
	subject, err := r.Source.Subject(ctx, asked.Sub, asked.withOwner(ids(grant.Workspaces)), ids(grant.Projects))
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
	scope, resources := r.shared(grant, subject, asked.Scope)
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

// shared returns the scope of a token, as far as it can in the order in which it was
// asked for, and the resources that it opens: with the role that their own scope and
// the subject's allow, and a mask where not all of the token's scope holds there.
func (r *Resolver) shared(g Grant, s Subject, asked oauth.Scope) (oauth.Scope, credential.Resources) {
	var resources credential.Resources
	allowed := g.Scope
	workspaces, projects := make(map[uuid.UUID]oauth.Scope), make(map[uuid.UUID]oauth.Scope)
	for _, w := range g.Workspaces {
		m, ok := s.Memberships[w.ID]
		// Another membership is one that began after the consent.
		if held := r.role(w.Scope, preset.Workspace, m); ok && m.ID == w.MembershipID && held != role.None {
			resources.Workspaces = append(resources.Workspaces, credential.Workspace{ID: w.ID, Role: held, MembershipVersion: m.Version})
			workspaces[w.ID], allowed = w.Scope, allowed.Union(w.Scope)
		}
	}
	for _, p := range g.Projects {
		project, ok := s.Projects[p.ID]
		m := s.Memberships[project.WorkspaceID]
		if held := r.role(p.Scope, preset.Project, m); ok && m.ID == p.MembershipID && held != role.None {
			resources.Projects = append(resources.Projects, credential.Project{
				ID: p.ID, WorkspaceID: project.WorkspaceID, Role: held, MembershipVersion: m.Version, ProjectVersion: project.Version,
			})
			projects[p.ID], allowed = p.Scope, allowed.Union(p.Scope)
		}
	}
	scope := asked.Intersect(allowed).Union(allowed)
	for i := range resources.Workspaces {
		w := &resources.Workspaces[i]
		w.Scopes = credential.MaskOf(scope, r.Catalogue.Names(preset.Workspace), r.Catalogue.Implied(workspaces[w.ID]))
	}
	for i := range resources.Projects {
		p := &resources.Projects[i]
		p.Scopes = credential.MaskOf(scope, r.Catalogue.Names(preset.Project), r.Catalogue.Implied(projects[p.ID]))
	}
	return scope, resources
}

// role is the highest level of scope, capped by that of the subject.
func (r *Resolver) role(scope oauth.Scope, kind preset.Kind, m Membership) role.Role {
	return role.Min(r.Catalogue.Level(scope, kind), m.Role)
}

func ids(list []Shared) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(list))
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	return ids
}
