package resourceserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// Access is what a token was good for when it was checked. It belongs to one
// request, may be read by any number of goroutines, and is not to be changed.
type Access struct {
	// Sub is the user; the client's own id for a token that is the client's own.
	Sub      string
	ClientID string
	// Scope is what the token permits somewhere. That a value is in it does not say
	// in which workspace or project it holds.
	Scope oauth.Scope
	// Audience is for whom the token is (RFC 8707).
	Audience []string
	Issuer   string
	// TokenID names the token in logs, and cannot be presented in its place.
	TokenID    string
	IssueTime  time.Time
	ExpireTime time.Time
	// Workspaces and Projects are what the user shares with the client. What is
	// not among them is not shared.
	Workspaces []Resource
	Projects   []Resource
}

// Resource is a workspace or project, with the role that the client has there now:
// the lesser of what the user granted for it and what the user is.
type Resource struct {
	ID   string
	Role role.Role
	// Scope is the values of its kind that hold there. Nil: every one that the token
	// has.
	Scope oauth.Scope
}

// HasScope reports whether every one of the values was granted. Of none it is true.
// A value that selects workspaces or projects may hold in one of them and not in
// another: [Access.WorkspaceAllows] and [Access.ProjectAllows] decide there.
func (a *Access) HasScope(values ...string) bool { return oauth.Scope(values).SubsetOf(a.Scope) }

// RoleIn returns the role in a workspace, [role.None] in one that is not shared.
func (a *Access) RoleIn(workspaceID string) role.Role { return roleIn(a.Workspaces, workspaceID) }

// RoleInProject returns the role in a project, [role.None] in one that is not
// shared. That its workspace is shared does not share a project.
func (a *Access) RoleInProject(projectID string) role.Role { return roleIn(a.Projects, projectID) }

// WorkspaceAllows reports whether the client has the role in a workspace, or a
// greater one, and every one of the values holds there. It is false for a workspace
// that is not shared, whatever the role.
//
// The values are those that select workspaces. Others hold in no workspace in
// particular: [Access.HasScope] decides on them.
func (a *Access) WorkspaceAllows(workspaceID string, needs role.Role, values ...string) bool {
	return a.allows(a.Workspaces, workspaceID, needs, values)
}

// ProjectAllows is [Access.WorkspaceAllows] for a project, and the values that
// select projects.
func (a *Access) ProjectAllows(projectID string, needs role.Role, values ...string) bool {
	return a.allows(a.Projects, projectID, needs, values)
}

func (a *Access) allows(shared []Resource, id string, needs role.Role, values oauth.Scope) bool {
	r := find(shared, id)
	return r.Role != role.None && r.Role >= needs && values.SubsetOf(a.Scope) && (r.Scope == nil || values.SubsetOf(r.Scope))
}

func roleIn(shared []Resource, id string) role.Role { return find(shared, id).Role }

// find returns the resource, and one with [role.None] if it is not shared.
func find(shared []Resource, id string) Resource {
	i := slices.IndexFunc(shared, func(r Resource) bool { return r.ID == id })
	if i < 0 {
		return Resource{}
	}
	return shared[i]
}

// accessKey is the key of an *Access in a context.
type accessKey struct{}

// AccessFrom returns what the token of this request is good for. Behind
// [Guard.Require] and the interceptors there is one, public methods aside.
func AccessFrom(ctx context.Context) (*Access, bool) {
	a, ok := ctx.Value(accessKey{}).(*Access)
	return a, ok
}

// WithAccess returns a context for what runs behind a guard. Handlers are tested
// with it; in production only a guard has a use for it.
func WithAccess(ctx context.Context, a *Access) context.Context {
	return context.WithValue(ctx, accessKey{}, a)
}

// accessOf reads an active answer. Fails for a scope that cannot be one.
func accessOf(answer *introspectionv1.IntrospectResponse) (*Access, error) {
	scope, err := scopeOf(answer.GetScope())
	workspaces, err1 := resourcesOf(answer.GetWorkspaces())
	projects, err2 := resourcesOf(answer.GetProjects())
	if err := errors.Join(err, err1, err2); err != nil {
		return nil, err
	}
	return &Access{
		Sub: answer.GetSub(), ClientID: answer.GetClientId(), Scope: scope, Audience: answer.GetAud(),
		Issuer: answer.GetIss(), TokenID: answer.GetJti(),
		IssueTime: time.Unix(answer.GetIat(), 0).UTC(), ExpireTime: time.Unix(answer.GetExp(), 0).UTC(),
		Workspaces: workspaces, Projects: projects,
	}, nil
}

// resourcesOf leaves out what has a role that this release does not know: to guess
// one would be to give it. It leaves out too where no value of the scope holds.
func resourcesOf(answers []*introspectionv1.ResourceRole) ([]Resource, error) {
	resources := make([]Resource, 0, len(answers))
	for _, answer := range answers {
		has, err := role.Parse(answer.GetRole())
		if err != nil {
			continue
		}
		scope, err := scopeOf(answer.GetScope())
		if err != nil {
			return nil, err
		}
		if answer.Scope == nil || len(scope) > 0 {
			resources = append(resources, Resource{ID: answer.GetId(), Role: has, Scope: scope})
		}
	}
	return resources, nil
}

// scopeOf reads a scope that may be empty.
func scopeOf(text string) (oauth.Scope, error) {
	if text == "" {
		return nil, nil
	}
	scope, err := oauth.ParseScope(text)
	if err != nil {
		return nil, fmt.Errorf("parse scope of an answer: %w", err)
	}
	return scope, nil
}
