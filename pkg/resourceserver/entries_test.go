package resourceserver_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/resourceserver"
	"github.com/chancery-auth/chancery/pkg/role"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// uneven is an answer about a token that permits more in some places than in others.
func uneven() step {
	s := active("image:read image:tag project:update p:viewer p:member")
	s.answer.Workspaces = []*introspectionv1.ResourceRole{
		{Id: "alpha", Role: "admin"},
		{Id: "beta", Role: "member", Scope: proto.String("image:read image:tag")},
		{Id: "gamma", Role: "viewer", Scope: proto.String("image:read")},
		{Id: "delta", Role: "admin", Scope: proto.String("")},
		{Id: "epsilon", Role: "emperor", Scope: proto.String("image:read")},
		{Id: "zeta", Role: "admin", Scope: proto.String("image:delete")},
	}
	s.answer.Projects = []*introspectionv1.ResourceRole{
		{Id: "p1", Role: "member"},
		{Id: "p2", Role: "viewer", Scope: proto.String("p:viewer")},
	}
	return s
}

// What the token permits in one place it does not permit in another.
func TestN302_EntriesDecide(t *testing.T) {
	c, conn := newChancery(t)
	c.script("uneven", uneven())
	a, err := newIntrospector(conn).Check(t.Context(), "uneven")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		allows func(string, role.Role, ...string) bool
		id     string
		needs  role.Role
		values []string
		want   bool
	}{
		{"all that the token has, where the entry names no scope", a.WorkspaceAllows, "alpha", role.Admin, []string{"project:update"}, true},
		{"two values", a.WorkspaceAllows, "alpha", role.Member, []string{"image:tag", "project:update"}, true},
		{"what the token has nowhere", a.WorkspaceAllows, "alpha", role.Viewer, []string{"image:delete"}, false},
		{"a value of the entry", a.WorkspaceAllows, "beta", role.Member, []string{"image:tag"}, true},
		{"another value of the same level", a.WorkspaceAllows, "beta", role.Member, []string{"project:update"}, false},
		{"one value of the entry, and another", a.WorkspaceAllows, "beta", role.Member, []string{"image:tag", "project:update"}, false},
		{"the role of the entry", a.WorkspaceAllows, "beta", role.Admin, []string{"image:tag"}, false},
		{"the role alone", a.WorkspaceAllows, "beta", role.Member, nil, true},
		{"less", a.WorkspaceAllows, "gamma", role.Viewer, []string{"image:read"}, true},
		{"less in scope", a.WorkspaceAllows, "gamma", role.Viewer, []string{"image:tag"}, false},
		{"less in role", a.WorkspaceAllows, "gamma", role.Member, []string{"image:read"}, false},
		{"an entry in which nothing holds", a.WorkspaceAllows, "delta", role.Viewer, nil, false},
		{"a role that this release does not know", a.WorkspaceAllows, "epsilon", role.Viewer, []string{"image:read"}, false},
		{"an entry with more than the token", a.WorkspaceAllows, "zeta", role.Viewer, []string{"image:delete"}, false},
		{"not shared", a.WorkspaceAllows, "eta", role.Viewer, []string{"image:read"}, false},
		{"not shared, and nothing needed", a.WorkspaceAllows, "eta", role.None, nil, false},
		{"a project is no workspace", a.WorkspaceAllows, "p1", role.Viewer, nil, false},
		{"project with all", a.ProjectAllows, "p1", role.Member, []string{"p:member"}, true},
		{"project with less", a.ProjectAllows, "p2", role.Viewer, []string{"p:viewer"}, true},
		{"project with less in scope", a.ProjectAllows, "p2", role.Viewer, []string{"p:member"}, false},
		{"a workspace is no project", a.ProjectAllows, "alpha", role.Viewer, nil, false},
	} {
		if got := tt.allows(tt.id, tt.needs, tt.values...); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if a.RoleIn("delta") != role.None || a.RoleIn("gamma") != role.Viewer || a.RoleInProject("p2") != role.Viewer {
		t.Errorf("roles %v, %v, %v", a.RoleIn("delta"), a.RoleIn("gamma"), a.RoleInProject("p2"))
	}
}

// The guard proves the scope, and the handler where it holds.
func TestN302_TheGuardDoesNotKnowWhere(t *testing.T) {
	c, conn := newChancery(t)
	c.script("uneven", uneven())
	var allowed bool
	handler := newGuard(conn, resourceserver.Config{}).Require("image:tag")(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		access, _ := resourceserver.AccessFrom(r.Context())
		allowed = access.WorkspaceAllows(r.URL.Query().Get("workspace"), role.Viewer, "image:tag")
	}))
	for workspace, want := range map[string]bool{"beta": true, "gamma": false} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, get("/?workspace="+workspace, "Bearer uneven"))
		if w.Code != http.StatusOK || allowed != want {
			t.Errorf("%s: %d, allowed = %v, want %v", workspace, w.Code, allowed, want)
		}
	}
}

// A Chancery that does not say what holds where means all of it everywhere.
func TestAnswersWithoutScopesOfEntries(t *testing.T) {
	_, conn := newChancery(t)
	a, err := newIntrospector(conn).Check(t.Context(), "good")
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"w1": true, "w2": true, "w4": false} {
		if got := a.WorkspaceAllows(id, role.Viewer, "image:read", "image:create"); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

func TestAnEntryWhoseScopeCannotBeOneIsNoAnswer(t *testing.T) {
	for name, spoil := range map[string]func(*introspectionv1.IntrospectResponse){
		"workspace": func(a *introspectionv1.IntrospectResponse) { a.Workspaces[0].Scope = proto.String("a  b") },
		"project":   func(a *introspectionv1.IntrospectResponse) { a.Projects[0].Scope = proto.String("a  b") },
		"neither":   func(*introspectionv1.IntrospectResponse) {},
	} {
		c, conn := newChancery(t)
		s := uneven()
		spoil(s.answer)
		c.script("t", s)
		if access, err := newIntrospector(conn).Check(t.Context(), "t"); (err == nil) != (name == "neither") {
			t.Errorf("%s: Check() = %v, %v", name, access, err)
		}
	}
}
