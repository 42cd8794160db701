package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/resourceserver"
	"github.com/chancery-auth/chancery/pkg/role"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

// world is the API, whose tokens are what the test says they are good for.
type world struct {
	t      *testing.T
	tokens map[string]*resourceserver.Access
	names  *names
	api    http.Handler
}

// Check implements resourceserver.Checker.
func (w *world) Check(_ context.Context, token string) (*resourceserver.Access, error) {
	access, ok := w.tokens[token]
	if !ok {
		return nil, resourceserver.ErrInactive
	}
	return access, nil
}

// names is a directory with everything there is in it, picked or not.
type names struct {
	mu    sync.Mutex
	asked int
	err   error
}

func (n *names) standing(context.Context, *resourceserver.Access) (*directoryv1.GetSubjectResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	if n.err != nil {
		return nil, n.err
	}
	claims, err := structpb.NewStruct(map[string]any{"name": "Ada Demo", "email": "ada@example.com"})
	return &directoryv1.GetSubjectResponse{
		Subject: &directoryv1.Subject{Sub: "u1", Claims: claims},
		Memberships: []*directoryv1.Membership{
			{WorkspaceId: "w1", WorkspaceName: "Acme"}, {WorkspaceId: "w2", WorkspaceName: "Northwind"},
		},
		Projects: []*directoryv1.Project{
			{ProjectId: "p1", WorkspaceId: "w1", Name: "Website"},
			{ProjectId: "p2", WorkspaceId: "w1", Name: "Mobile app"},
			{ProjectId: "p3", WorkspaceId: "w2", Name: "Data pipeline"},
		},
	}, err
}

func newWorld(t *testing.T, scopes ...string) *world {
	t.Helper()
	w := &world{t: t, tokens: make(map[string]*resourceserver.Access), names: &names{}}
	guard := resourceserver.New(w, resourceserver.Config{Realm: "platform"})
	var err error
	if w.api, err = newHandler(guard, w.names, scopes, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return w
}

// token makes one of a user who shares w1 with a role.
func (w *world) token(scope string, r role.Role) string {
	name := fmt.Sprint("token", len(w.tokens))
	w.tokens[name] = &resourceserver.Access{
		Sub: "u1", ClientID: "c1", Scope: oauth.Scope(strings.Fields(scope)),
		Workspaces: []resourceserver.Resource{{ID: "w1", Role: r}},
	}
	return name
}

// call sends a request with the token, and reads the answer.
func (w *world) call(token, method, path, body string) (code int, answer map[string]any) {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	w.api.ServeHTTP(recorder, r)
	if recorder.Body.Len() > 0 && recorder.Header().Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
			w.t.Fatalf("%s %s: %v in %s", method, path, err, recorder.Body)
		}
	}
	return recorder.Code, answer
}

// query asks GraphQL, and returns data and errors as text.
func (w *world) query(token, query string) (data string, errs int) {
	w.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		w.t.Fatal(err)
	}
	code, answer := w.call(token, http.MethodPost, "/graphql", string(body))
	if code != http.StatusOK {
		w.t.Fatalf("GraphQL answers %d %v", code, answer)
	}
	list, _ := answer["errors"].([]any)
	text, err := json.Marshal(answer["data"])
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text), len(list)
}

func TestRouteOf(t *testing.T) {
	tests := []struct{ scope, want string }{
		{"image:read", "GET /v1/workspaces/{workspace}/images viewer"},
		{"image:create", "POST /v1/workspaces/{workspace}/images member"},
		{"image:update", "PATCH /v1/workspaces/{workspace}/images/{item} member"},
		{"image:delete", "DELETE /v1/workspaces/{workspace}/images/{item} member"},
		{"image:tag", "POST /v1/workspaces/{workspace}/images/tag member"},
		{"model:infer", "POST /v1/workspaces/{workspace}/models/infer viewer"},
		{"model-eval:read", "GET /v1/workspaces/{workspace}/model-evals viewer"},
		{"credentials:read", "GET /v1/workspaces/{workspace}/credentials viewer"},
		{"batch:read", "GET /v1/workspaces/{workspace}/batches viewer"},
		{"project:read", "GET /v1/workspaces/{workspace}/projects viewer"},
		{"workspace:read", "GET /v1/workspaces/{workspace} viewer"},
		{"workspace:create", "POST /v1/workspaces/{workspace}/workspaces member"},
		{"workspace:viewer", "GET /v1/workspaces/{workspace} viewer"},
		{"workspace:member", "PATCH /v1/workspaces/{workspace} member"},
		{"workspace:admin", "DELETE /v1/workspaces/{workspace} admin"},
		{"project:viewer", "GET /v1/projects/{project} viewer"},
		{"image:viewer", ""},
		{"openid", ""},
		{"introspect", ""},
		{":read", ""},
		{"image:", ""},
		{"a:b:c", ""},
		{"a/b:read", ""},
		{"{x}:read", ""},
		{"https://example.com/read", ""},
	}
	for _, tt := range tests {
		r, ok := routeOf(tt.scope)
		got := r.Method + " " + r.Path + " " + r.Role
		if !ok {
			got = ""
		}
		if got != tt.want {
			t.Errorf("routeOf(%s) = %q, want %q", tt.scope, got, tt.want)
		}
	}
}

func TestTwoScopesWithOneRouteAreRefused(t *testing.T) {
	if _, err := routesOf([]string{"workspace:read", "workspace:viewer"}); err == nil {
		t.Error("both open GET /v1/workspaces/{workspace}")
	}
	if routes, err := routesOf([]string{"openid", "image:read", "image:create"}); err != nil || len(routes) != 2 {
		t.Errorf("routesOf() = %v, %v", routes, err)
	}
}

// A token with one scope value alone can use the route that the value opens: its role
// is as high as the value's level at most.
func TestEveryPresetOpensItsRoutes(t *testing.T) {
	files, err := filepath.Glob("../../deploy/presets/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("presets: %q, %v", files, err)
	}
	catalogues := map[string]preset.Catalogue{"default": preset.Default().Scopes}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := preset.Parse(file, content)
		if err != nil {
			t.Fatal(err)
		}
		catalogues[p.Name] = p.Scopes
	}
	for name, scopes := range catalogues {
		routes, err := routesOf(scopes.Names())
		if want := len(scopes.Names(preset.API, preset.Workspace, preset.Project)); err != nil || len(routes) != want {
			t.Errorf("%s: %d routes, %v, want %d", name, len(routes), err, want)
		}
		for _, r := range routes {
			scope, _ := scopes.Find(r.Scope)
			if needs, err := role.Parse(r.Role); err != nil || scope.Kind != preset.API && needs > scope.Level {
				t.Errorf("%s: %s gives %v, and its route needs %s", name, r.Scope, scope.Level, r.Role)
			}
		}
	}
}

func TestScopeAndRoleOpenARoute(t *testing.T) {
	scopes := []string{"openid", "image:read", "image:create", "image:tag", "workspace:viewer", "workspace:member", "workspace:admin"}
	const body = `{"name":"a"}`
	tests := []struct {
		name, scope  string
		role         role.Role
		method, path string
		want         int
	}{
		{"a reader reads", "image:read", role.Viewer, "GET", "/v1/workspaces/w1/images", 200},
		{"without the scope", "image:create", role.Viewer, "GET", "/v1/workspaces/w1/images", 403},
		{"a workspace that was not picked", "image:read", role.Viewer, "GET", "/v1/workspaces/w2/images", 404},
		{"a member writes", "image:create", role.Member, "POST", "/v1/workspaces/w1/images", 201},
		{"an admin writes", "image:create", role.Admin, "POST", "/v1/workspaces/w1/images", 201},
		{"a viewer does not write", "image:create", role.Viewer, "POST", "/v1/workspaces/w1/images", 403},
		{"a member acts", "image:tag", role.Member, "POST", "/v1/workspaces/w1/images/tag", 200},
		{"a viewer does not act", "image:tag", role.Viewer, "POST", "/v1/workspaces/w1/images/tag", 403},
		{"no such verb", "image:tag", role.Member, "POST", "/v1/workspaces/w1/images/untag", 404},

		{"the place itself", "workspace:viewer", role.Viewer, "GET", "/v1/workspaces/w1", 200},
		{"more scope than role", "workspace:admin", role.Member, "PATCH", "/v1/workspaces/w1", 200},
		{"the role caps the scope", "workspace:admin", role.Member, "DELETE", "/v1/workspaces/w1", 403},
		{"an admin", "workspace:admin", role.Admin, "DELETE", "/v1/workspaces/w1", 200},
		{"a workspace is no project", "workspace:viewer", role.Viewer, "GET", "/v1/projects/w1", 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, scopes...)
			code, answer := w.call(w.token(tt.scope, tt.role), tt.method, tt.path, body)
			if code != tt.want {
				t.Errorf("%d %v, want %d", code, answer, tt.want)
			}
			if code < 300 && answer["role"] != tt.role.String() {
				t.Errorf("the answer names the role %v, want %v", answer["role"], tt.role)
			}
		})
	}
}

// A scope that the token has for one workspace opens no other.
func TestN302_ARouteIsOpenWhereItsScopeHolds(t *testing.T) {
	const scope = "image:read image:tag project:update"
	tests := []struct {
		name         string
		beta         resourceserver.Resource
		method, path string
		want         int
	}{
		{"all of the scope, as in an answer that names none", resourceserver.Resource{Role: role.Member}, "POST", "images/tag", 200},
		{"its scope", resourceserver.Resource{Role: role.Member, Scope: oauth.Scope{"image:tag"}}, "POST", "images/tag", 200},
		{"another scope of the same level", resourceserver.Resource{Role: role.Member, Scope: oauth.Scope{"project:update"}}, "POST", "images/tag", 403},
		{"a lower one", resourceserver.Resource{Role: role.Member, Scope: oauth.Scope{"image:read"}}, "POST", "images/tag", 403},
		{"the lower one's own route", resourceserver.Resource{Role: role.Viewer, Scope: oauth.Scope{"image:read"}}, "GET", "images", 200},
		{"a level: the role has been capped by it", resourceserver.Resource{Role: role.Viewer, Scope: oauth.Scope{"image:read"}}, "DELETE", "", 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, "image:read", "image:tag", "project:update", "workspace:admin")
			token := w.token(scope, role.Admin)
			tt.beta.ID = "w2"
			w.tokens[token].Workspaces = append(w.tokens[token].Workspaces, tt.beta)
			for id, want := range map[string]int{"w1": 200, "w2": tt.want} {
				if code, answer := w.call(token, tt.method, strings.TrimSuffix("/v1/workspaces/"+id+"/"+tt.path, "/"), ""); code != want {
					t.Errorf("%s: %d %v, want %d", id, code, answer, want)
				}
			}
		})
	}
}

func TestN302_ARouteOfAProjectIsOpenWhereItsScopeHolds(t *testing.T) {
	w := newWorld(t, "project:member")
	token := w.token("project:viewer project:member", role.Admin)
	w.tokens[token].Projects = []resourceserver.Resource{
		{ID: "p1", Role: role.Member}, {ID: "p2", Role: role.Viewer, Scope: oauth.Scope{"project:viewer"}},
	}
	for id, want := range map[string]int{"p1": 200, "p2": 403} {
		if code, answer := w.call(token, "PATCH", "/v1/projects/"+id, `{"name":"a"}`); code != want {
			t.Errorf("%s: %d %v, want %d", id, code, answer, want)
		}
	}
}

func TestRoutesNeedAToken(t *testing.T) {
	w := newWorld(t, "image:read", "project:viewer")
	for _, path := range []string{"/v1/workspaces/w1/images", "/v1/projects/p1"} {
		for _, token := range []string{"", "unknown"} {
			if code, answer := w.call(token, "GET", path, ""); code != http.StatusUnauthorized {
				t.Errorf("GET %s with token %q: %d %v", path, token, code, answer)
			}
		}
	}
	if code, answer := w.call("", "GET", "/v1", ""); code != http.StatusOK || len(answer["routes"].([]any)) != 2 {
		t.Errorf("the list of routes: %d %v", code, answer)
	}
}

func TestProjectsHaveRolesOfTheirOwn(t *testing.T) {
	w := newWorld(t, "project:viewer", "project:member")
	token := w.token("project:member", role.Admin)
	w.tokens[token].Projects = []resourceserver.Resource{{ID: "p1", Role: role.Viewer}}
	for method, want := range map[string]int{"GET": 200, "PATCH": 403} {
		if code, answer := w.call(token, method, "/v1/projects/p1", `{"name":"a"}`); code != want {
			t.Errorf("%s: %d %v, want %d", method, code, answer, want)
		}
	}
	if code, _ := w.call(token, "GET", "/v1/projects/p2", ""); code != http.StatusNotFound {
		t.Errorf("a project that was not picked: %d", code)
	}
}

func TestItemsComeAndGo(t *testing.T) {
	w := newWorld(t, "image:read", "image:create", "image:update", "image:delete", "workspace:read")
	token := w.token("image:read image:create image:update image:delete workspace:read", role.Member)
	const list = "/v1/workspaces/w1/images"
	steps := []struct {
		method, path, body string
		code               int
		want               string // in the answer
	}{
		{"GET", list, "", 200, `"items":[]`},
		{"POST", list, `{"name":"sun"}`, 201, `"item":{"client_id":"c1","id":"1","name":"sun","sub":"u1"}`},
		{"POST", list, `{"name":""}`, 400, `Bad Request`},
		{"POST", list, `{"name":"` + strings.Repeat("a", 121) + `"}`, 400, `Bad Request`},
		{"POST", list, `{"name":"` + strings.Repeat("a", 120) + `"}`, 201, `"id":"2"`},
		{"POST", list, `{"name":"a","role":"admin"}`, 400, `Bad Request`},
		{"POST", list, `name=a`, 400, `Bad Request`},
		{"PATCH", list + "/1", `{"name":"moon"}`, 200, `"name":"moon"`},
		{"PATCH", list + "/9", `{"name":"moon"}`, 404, `no such item`},
		{"DELETE", list + "/2", "", 200, `"role":"member"`},
		{"DELETE", list + "/2", "", 404, `no such item`},
		{"GET", list, "", 200, `"items":[{"client_id":"c1","id":"1","name":"moon","sub":"u1"}]`},
		{"GET", "/v1/workspaces/w1", "", 200, `"items":1`},
	}
	for _, s := range steps {
		code, answer := w.call(token, s.method, s.path, s.body)
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		if code != s.code || !strings.Contains(string(text), s.want) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", s.method, s.path, s.body, code, text, s.code, s.want)
		}
	}
}

func TestListsHaveAnEnd(t *testing.T) {
	p := newPlaces()
	key := listKey{"w1", "image"}
	for range maxItems {
		if _, err := p.add(key, item{Name: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.add(key, item{Name: "a"}); !errors.Is(err, errFull) {
		t.Errorf("one more: %v, want %v", err, errFull)
	}
	p.clear("w1")
	if p.count("w1") != 0 {
		t.Error("clear leaves items")
	}
}
