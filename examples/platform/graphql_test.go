package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/resourceserver"
	"github.com/chancery-auth/chancery/pkg/role"
)

const everything = `{me {name email workspaces {id name role projects {name}}} externalWorkspaces {id name role projects {id name role}}}`

func TestGraphQL(t *testing.T) {
	const noMe = `"me":{"email":null,"name":null,"workspaces":[]}`
	w1 := []resourceserver.Resource{{ID: "w1", Role: role.Member}}
	p2 := []resourceserver.Resource{{ID: "p2", Role: role.Viewer}}
	tests := []struct {
		name                 string
		scope                string
		workspaces, projects []resourceserver.Resource
		want                 string
	}{
		{"nothing but who", "openid", nil, nil, `{"externalWorkspaces":[],` + noMe + `}`},
		{"name alone", "profile", nil, nil, `{"externalWorkspaces":[],"me":{"email":null,"name":"Ada Demo","workspaces":[]}}`},
		{"address alone", "email", nil, nil, `{"externalWorkspaces":[],"me":{"email":"ada@example.com","name":null,"workspaces":[]}}`},
		{
			"a picked workspace", "email profile workspace:member", w1, nil,
			`{"externalWorkspaces":[],"me":{"email":"ada@example.com","name":"Ada Demo","workspaces":[{"id":"w1","name":"Acme","projects":[],"role":"member"}]}}`,
		},
		{
			"a picked workspace without email", "profile workspace:member", w1, nil,
			`{"externalWorkspaces":[],"me":{"email":null,"name":"Ada Demo","workspaces":[]}}`,
		},
		{
			"a picked workspace without profile", "email workspace:member", w1, nil,
			`{"externalWorkspaces":[],"me":{"email":"ada@example.com","name":null,"workspaces":[]}}`,
		},
		{
			"a picked project", "project:viewer", nil, p2,
			`{"externalWorkspaces":[{"id":"w1","name":"Acme","projects":[{"id":"p2","name":"Mobile app","role":"viewer"}],"role":"none"}],` + noMe + `}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.tokens["t"] = &resourceserver.Access{Sub: "u1", Scope: oauth.Scope(strings.Fields(tt.scope)), Workspaces: tt.workspaces, Projects: tt.projects}
			if got, errs := w.query("t", everything); got != tt.want || errs > 0 {
				t.Errorf("data = %s, %d errors, want %s", got, errs, tt.want)
			}
			if w.names.asked != 1 {
				t.Errorf("the directory was asked %d times", w.names.asked)
			}
		})
	}
}

// Each workspace and project has the role of its own entry.
func TestN302_GraphQLShowsWhatIsAllowedWhere(t *testing.T) {
	w := newWorld(t)
	w.tokens["t"] = &resourceserver.Access{
		Sub: "u1", Scope: oauth.Scope{"email", "profile", "workspace:viewer", "workspace:admin", "project:viewer", "project:member"},
		Workspaces: []resourceserver.Resource{
			{ID: "w1", Role: role.Admin}, {ID: "w2", Role: role.Viewer, Scope: oauth.Scope{"workspace:viewer"}},
		},
		Projects: []resourceserver.Resource{
			{ID: "p1", Role: role.Viewer, Scope: oauth.Scope{"project:viewer"}}, {ID: "p3", Role: role.Member},
		},
	}
	const want = `{"me":{"workspaces":[` +
		`{"id":"w1","projects":[{"id":"p1","role":"viewer"}],"role":"admin"},` +
		`{"id":"w2","projects":[{"id":"p3","role":"member"}],"role":"viewer"}]}}`
	if got, errs := w.query("t", `{me {workspaces {id role projects {id role}}}}`); got != want || errs > 0 {
		t.Errorf("data = %s, %d errors, want %s", got, errs, want)
	}
}

func TestATokenWithoutUserHasNoMe(t *testing.T) {
	w := newWorld(t)
	w.names.err = status.Error(codes.NotFound, "no such subject")
	if got, errs := w.query(w.token("introspect", role.None), everything); got != `{"externalWorkspaces":[],"me":null}` || errs > 0 {
		t.Errorf("data = %s, %d errors", got, errs)
	}
}

// What is wrong inside is for the log.
func TestFailuresStayInside(t *testing.T) {
	w := newWorld(t)
	w.names.err = errors.New("dial tcp 10.0.0.1: password=hunter2")
	token := w.token("profile", role.Member)
	_, answer := w.call(token, "POST", "/graphql", `{"query":"{me {name}}"}`)
	text := fmt.Sprint(answer)
	if !strings.Contains(text, errNoNames.Error()) || strings.Contains(text, "hunter2") {
		t.Errorf("answer: %s", text)
	}
}

func TestGraphQLNeedsATokenAndJSON(t *testing.T) {
	w := newWorld(t)
	if code, _ := w.call("", "POST", "/graphql", `{"query":"{me {name}}"}`); code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", code)
	}
	token := w.token("openid", role.Viewer)
	for body, want := range map[string]int{
		`{"query":"{me {name}}"}`: 200,
		`query`:                   400,
		``:                        400,
		`{"query":"` + strings.Repeat(" ", maxBodyBytes) + `"}`: 400,
	} {
		if code, _ := w.call(token, "POST", "/graphql", body); code != want {
			t.Errorf("a body of %d bytes: %d, want %d", len(body), code, want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query":"{me {name}}"}`))
	r.Header.Set("Authorization", "Bearer "+token)
	recorder := httptest.NewRecorder()
	w.api.ServeHTTP(recorder, r)
	if recorder.Code != http.StatusUnsupportedMediaType {
		t.Errorf("a body that says nothing of itself: %d", recorder.Code)
	}
}

func TestQueriesAreBounded(t *testing.T) {
	w := newWorld(t)
	token := w.token("openid", role.Viewer)
	aliases := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d:me{name} ", i)
		}
		return "{" + b.String() + "}"
	}
	for _, tt := range []struct {
		name, query string
		refused     bool
	}{
		{"one", aliases(1), false},
		{"many aliases", aliases(240), false},
		{"too many aliases", aliases(260), true},
		{"too long", "{me {name}}" + strings.Repeat(" ", maxQueryBytes), true},
		{"introspection of the schema", `{__schema {types {name fields {name type {name}}}}}`, false},
		{"too deep", `{__schema {types {fields {type {ofType {ofType {ofType {ofType {ofType {name}}}}}}}}}}`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, errs := w.query(token, tt.query); (errs > 0) != tt.refused {
				t.Errorf("%d errors, want refused = %v", errs, tt.refused)
			}
		})
	}
}
