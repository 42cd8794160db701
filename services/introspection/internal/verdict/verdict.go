// Package verdict says what an access token is good for at this moment: what
// was sealed into it, less all that was restricted since.
//
// A verdict is a pure function of the opened token, the restrictions and the
// time. It must never be remembered: the next restriction may change it.
package verdict

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/introspection/internal/accesstoken"
)

// Verdict is what is left of a token. The zero value is a token that is not
// active, whatever the reason.
type Verdict struct {
	// Token is nil for one that is not active.
	Token *accesstoken.Token
	// Scope is a part of the token's own, in its order. It is empty only if that is.
	// A value that selects resources is here if it holds in one of them at least.
	Scope oauth.Scope
	// Workspaces and Projects are in the order in which they were sealed.
	Workspaces, Projects []Resource
}

// Resource is a workspace or project with what the token permits in it.
type Resource struct {
	ID   uuid.UUID
	Role role.Role // never none
	// Scope is the values of the verdict's scope that select resources of this kind
	// and hold here. Nil: all of them, and there is one.
	Scope oauth.Scope
}

// Active says whether the token permits anything.
func (v Verdict) Active() bool { return v.Token != nil }

// ScopeText is Scope as a parameter value.
func (v Verdict) ScopeText() string {
	if v.Token != nil && len(v.Scope) == len(v.Token.Scope) {
		return v.Token.ScopeText // Scope is a part of it, so it is all of it.
	}
	return v.Scope.String()
}

// Judge reaches verdicts. It is immutable and safe for concurrent use.
type Judge struct{ workspaces, projects selector }

// NewJudge returns a judge for tokens whose scope is of that catalogue.
func NewJudge(scopes preset.Catalogue) *Judge {
	return &Judge{selectorOf(scopes, preset.Workspace), selectorOf(scopes, preset.Project)}
}

// Of returns the verdict about a token that shares resources.
func (j *Judge) Of(t *accesstoken.Token, resources *credential.Resources, s *coherent.State, now time.Time) Verdict {
	if !Alive(t, s, now) {
		return Verdict{}
	}
	left := Narrowed(t.Scope, t.ClientID, t.ClientScopeVersion, s)
	workspaces, projects := j.workspaces.over(t.Scope, left), j.projects.over(t.Scope, left)
	v := Verdict{
		Token:      t,
		Workspaces: workspacesOf(&workspaces, t.Sub, resources.Workspaces, s),
		Projects:   projectsOf(&projects, t.Sub, resources.Projects, s),
	}
	v.Scope = projects.without(workspaces.without(left))
	// A client's own token may have been minted without scope; one that had some
	// and lost it is good for nothing.
	if len(v.Scope) == 0 && len(t.Scope) > 0 {
		return Verdict{}
	}
	workspaces.compare(v.Workspaces)
	projects.compare(v.Projects)
	return v
}

// Narrowed returns what is left of a scope that was fixed at a version of the
// client's own: its intersection with all that the client was narrowed to since.
func Narrowed(scope oauth.Scope, clientID string, version int64, s *coherent.State) oauth.Scope {
	s.ClientScopes(clientID, version, func(allowed string) {
		scope = scope.Intersect(strings.Fields(allowed))
	})
	return scope
}

func workspacesOf(h *holding, sub string, sealed []credential.Workspace, s *coherent.State) []Resource {
	if len(sealed) == 0 {
		return nil
	}
	left := make([]Resource, 0, len(sealed))
	for i := range sealed {
		w := &sealed[i]
		if r := h.in(w.ID, s.Role(sub, w.ID, w.Role, w.MembershipVersion), w.Scopes); r.Role.Valid() {
			left = append(left, r)
		}
	}
	return left
}

// projectsOf takes the role in a project for that in its workspace.
func projectsOf(h *holding, sub string, sealed []credential.Project, s *coherent.State) []Resource {
	if len(sealed) == 0 {
		return nil
	}
	left := make([]Resource, 0, len(sealed))
	for i := range sealed {
		p := &sealed[i]
		if p.ProjectVersion < s.ProjectVersion(p.ID) {
			continue
		}
		if r := h.in(p.ID, s.Role(sub, p.WorkspaceID, p.Role, p.MembershipVersion), p.Scopes); r.Role.Valid() {
			left = append(left, r)
		}
	}
	return left
}
