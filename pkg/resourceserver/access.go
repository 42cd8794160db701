package resourceserver

import (
	"context"
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
	Scope    oauth.Scope
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
// the lesser of what the user granted and what the user is.
type Resource struct {
	ID   string
	Role role.Role
}

// HasScope reports whether every one of the values was granted. Of none it is true.
func (a *Access) HasScope(values ...string) bool { return oauth.Scope(values).SubsetOf(a.Scope) }

// RoleIn returns the role in a workspace, [role.None] in one that is not shared.
func (a *Access) RoleIn(workspaceID string) role.Role { return roleIn(a.Workspaces, workspaceID) }

// RoleInProject returns the role in a project, [role.None] in one that is not
// shared. That its workspace is shared does not share a project.
func (a *Access) RoleInProject(projectID string) role.Role { return roleIn(a.Projects, projectID) }

func roleIn(shared []Resource, id string) role.Role {
	i := slices.IndexFunc(shared, func(r Resource) bool { return r.ID == id })
	if i < 0 {
		return role.None
	}
	return shared[i].Role
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
	var scope oauth.Scope
	if answer.GetScope() != "" {
		var err error
		if scope, err = oauth.ParseScope(answer.GetScope()); err != nil {
			return nil, fmt.Errorf("parse scope of an answer: %w", err)
		}
	}
	return &Access{
		Sub: answer.GetSub(), ClientID: answer.GetClientId(), Scope: scope, Audience: answer.GetAud(),
		Issuer: answer.GetIss(), TokenID: answer.GetJti(),
		IssueTime: time.Unix(answer.GetIat(), 0).UTC(), ExpireTime: time.Unix(answer.GetExp(), 0).UTC(),
		Workspaces: resourcesOf(answer.GetWorkspaces()), Projects: resourcesOf(answer.GetProjects()),
	}, nil
}

// resourcesOf leaves out what has a role that this release does not know: to guess
// one would be to give it.
func resourcesOf(answers []*introspectionv1.ResourceRole) []Resource {
	resources := make([]Resource, 0, len(answers))
	for _, answer := range answers {
		if r, err := role.Parse(answer.GetRole()); err == nil {
			resources = append(resources, Resource{ID: answer.GetId(), Role: r})
		}
	}
	return resources
}
