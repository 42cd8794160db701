package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/chancery-auth/chancery/pkg/resourceserver"
	"github.com/chancery-auth/chancery/pkg/role"
)

// action is what a route does.
type action string

const (
	actionRead   action = "read"
	actionCreate action = "create"
	actionUpdate action = "update"
	actionDelete action = "delete"
	actionRun    action = "run" // every other verb
)

// route is what a scope value opens.
type route struct {
	Scope  string `json:"scope"`
	Method string `json:"method"`
	Path   string `json:"path"`
	// Role is the least role that may use it.
	Role string `json:"role"`

	action action
	// resource names a list in the workspace; empty: the place itself.
	resource string
	// level says that the scope is a role, which caps the user's own.
	level bool
	// place is the path value that names the workspace or project.
	place string
}

// routesOf returns the route of each scope value that has one, in their order.
// Fails when two have the same: neither of them could be told to open it.
func routesOf(scopes []string) ([]route, error) {
	var routes []route
	scopeOf := make(map[string]string) // by method and path
	for _, scope := range scopes {
		r, ok := routeOf(scope)
		if !ok {
			continue
		}
		pattern := r.Method + " " + r.Path
		if other, taken := scopeOf[pattern]; taken {
			return nil, fmt.Errorf("%s and %s both open %s", other, scope, pattern)
		}
		scopeOf[pattern] = scope
		routes = append(routes, r)
	}
	return routes, nil
}

// routeOf returns the route of a scope value of the form resource:verb; others have
// none. The value is taken for one that selects what stands in the path: it opens
// the route where it holds.
//
//	image:read        GET    /v1/workspaces/{workspace}/images
//	image:create      POST   /v1/workspaces/{workspace}/images
//	image:update      PATCH  /v1/workspaces/{workspace}/images/{item}
//	image:delete      DELETE /v1/workspaces/{workspace}/images/{item}
//	image:tag         POST   /v1/workspaces/{workspace}/images/tag
//	workspace:read    GET    /v1/workspaces/{workspace}
//	workspace:viewer  GET    /v1/workspaces/{workspace}, by the role alone
//	project:member    PATCH  /v1/projects/{project}, by the role alone
//
// Whoever reads, or uses a model, needs the role of viewer; whoever changes something
// that of member.
func routeOf(scope string) (route, bool) {
	resource, verb, ok := strings.Cut(scope, ":")
	if !ok || !isName(resource) || !isName(verb) {
		return route{}, false
	}
	r := route{Scope: scope, resource: resource, place: "workspace"}
	if level, err := role.Parse(verb); err == nil {
		if resource != "workspace" && resource != "project" {
			return route{}, false
		}
		r.level, r.place, r.resource, r.Role = true, resource, "", verb
		r.action = map[role.Role]action{role.Viewer: actionRead, role.Member: actionUpdate, role.Admin: actionDelete}[level]
	} else {
		r.action, r.Role = actionOf(verb)
		if resource == "workspace" && r.action != actionCreate && r.action != actionRun {
			r.resource = ""
		}
	}
	r.Method = methodOf(r.action)
	r.Path = "/v1/" + r.place + "s/{" + r.place + "}" + r.rest(verb)
	return r, true
}

// actionOf returns what a verb does, and the role that it needs.
func actionOf(verb string) (a action, needs string) {
	switch a = action(verb); a {
	case actionRead:
		return a, role.Viewer.String()
	case actionCreate, actionUpdate, actionDelete:
		return a, role.Member.String()
	case "infer": // uses what is there, and leaves it as it is
		return actionRun, role.Viewer.String()
	default:
		return actionRun, role.Member.String()
	}
}

func methodOf(a action) string {
	switch a {
	case actionRead:
		return http.MethodGet
	case actionUpdate:
		return http.MethodPatch
	case actionDelete:
		return http.MethodDelete
	default:
		return http.MethodPost
	}
}

// rest is the path below the place.
func (r route) rest(verb string) string {
	if r.resource == "" {
		return ""
	}
	list := "/" + plural(r.resource)
	switch r.action {
	case actionUpdate, actionDelete:
		return list + "/{item}"
	case actionRun:
		return list + "/" + verb
	default:
		return list
	}
}

func plural(noun string) string {
	switch {
	case strings.HasSuffix(noun, "s"):
		return noun
	case strings.HasSuffix(noun, "ch"):
		return noun + "es"
	default:
		return noun + "s"
	}
}

// isName accepts what can stand in a path as it is.
func isName(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool {
		return (c < 'a' || c > 'z') && c != '-'
	})
}

// handler lets a request pass with the scope and the role of the route, where it is
// about.
func (r route) handler(guard *resourceserver.Guard, p *places) http.Handler {
	require := guard.Require()
	var values []string
	if !r.level {
		// A level is told by the role, which says what is left of it: workspace:admin
		// of a user who is a member opens what workspace:member does.
		require, values = guard.Require(r.Scope), []string{r.Scope}
	}
	needs, _ := role.Parse(r.Role)
	return require(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		access, _ := resourceserver.AccessFrom(req.Context())
		roleIn, allows := access.RoleIn, access.WorkspaceAllows
		if r.place == "project" {
			roleIn, allows = access.RoleInProject, access.ProjectAllows
		}
		id := req.PathValue(r.place)
		has := roleIn(id)
		switch {
		case has == role.None:
			// Not picked: as if it did not exist.
			fail(w, http.StatusNotFound, r.place+" is not shared with this app")
		case has < needs:
			fail(w, http.StatusForbidden, "the role here is "+has.String()+", and this needs "+r.Role)
		case !allows(id, needs, values...):
			// The token has the scope, for another place.
			fail(w, http.StatusForbidden, r.Scope+" is not allowed here")
		default:
			r.perform(w, req, p, visit{place: id, role: has, sub: access.Sub, clientID: access.ClientID})
		}
	}))
}
