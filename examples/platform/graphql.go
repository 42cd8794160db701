package main

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"sync"

	"github.com/graph-gophers/graphql-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/resourceserver"
	"github.com/chancery-auth/chancery/pkg/role"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

//go:embed schema.graphql
var schemaText string

// Limits of a query, above every sensible one.
const (
	maxQueryBytes = 8 << 10
	maxDepth      = 8
	maxSelections = 500
	maxOverlaps   = 10_000
)

// directory knows the names of users, workspaces and projects.
type directory interface {
	// standing returns the user of the token with what the user shares. Fails with
	// NOT_FOUND for a token that has no user.
	standing(ctx context.Context, access *resourceserver.Access) (*directoryv1.GetSubjectResponse, error)
}

// schema answers GraphQL queries of who has a token.
type schema struct {
	*graphql.Schema

	names directory
	log   *slog.Logger
}

func newSchema(names directory, log *slog.Logger) (*schema, error) {
	parsed, err := graphql.ParseSchema(schemaText, &query{}, graphql.UseFieldResolvers(),
		graphql.MaxQueryLength(maxQueryBytes), graphql.MaxDepth(maxDepth),
		graphql.MaxSelections(maxSelections), graphql.OverlapValidationLimit(maxOverlaps))
	if err != nil {
		return nil, err
	}
	return &schema{parsed, names, log}, nil
}

// ServeHTTP implements http.Handler.
func (s *schema) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		fail(w, http.StatusUnsupportedMediaType, "the body is JSON")
		return
	}
	var request struct {
		Query         string         `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
	}
	if json.NewDecoder(r.Body).Decode(&request) != nil {
		fail(w, http.StatusBadRequest, `the body is JSON: {"query": "…"}`)
		return
	}
	ctx := context.WithValue(r.Context(), viewerKey{}, s.viewer(r.Context()))
	writeJSON(w, http.StatusOK, s.Exec(ctx, request.Query, request.OperationName, request.Variables))
}

// viewer is what a query is answered from. The directory is asked once, and only
// if a field needs it.
type viewer struct {
	access   *resourceserver.Access
	standing func() (*directoryv1.GetSubjectResponse, error)
}

type viewerKey struct{}

var errNoNames = errors.New("the names cannot be read at this moment")

func (s *schema) viewer(ctx context.Context) *viewer {
	access, _ := resourceserver.AccessFrom(ctx)
	return &viewer{access, sync.OnceValues(func() (*directoryv1.GetSubjectResponse, error) {
		found, err := s.names.standing(ctx, access)
		if err != nil && status.Code(err) != codes.NotFound {
			s.log.ErrorContext(ctx, "read names", slog.Any("error", err))
			return nil, errNoNames
		}
		return found, nil // nil for a client's own token
	})}
}

// query resolves the root of the schema.
type query struct{}

// person is the user of the token. What the scope does not open is null.
type person struct {
	Name       *string
	Email      *string
	Workspaces []workspace
}

type workspace struct {
	ID       graphql.ID
	Name     string
	Role     string
	Projects []project
}

type project struct {
	ID   graphql.ID
	Name string
	Role string
}

// Me is null for a token that has no user.
func (*query) Me(ctx context.Context) (*person, error) {
	v := ctx.Value(viewerKey{}).(*viewer) // ServeHTTP puts it there
	found, err := v.standing()
	if err != nil || found == nil {
		return nil, err
	}
	claims := found.GetSubject().GetClaims().GetFields()
	p := &person{Workspaces: []workspace{}}
	if name := claims["name"].GetStringValue(); name != "" && v.access.HasScope("profile") {
		p.Name = &name
	}
	if email := claims["email"].GetStringValue(); email != "" && v.access.HasScope("email") {
		p.Email = &email
	}
	if v.access.HasScope("email", "profile") {
		p.Workspaces = v.workspaces(found)
	}
	return p, nil
}

// ExternalWorkspaces are those of the projects that the user picked.
func (*query) ExternalWorkspaces(ctx context.Context) ([]workspace, error) {
	v := ctx.Value(viewerKey{}).(*viewer) // ServeHTTP puts it there
	found, err := v.standing()
	if err != nil || found == nil {
		return []workspace{}, err
	}
	return v.external(found), nil
}

// workspaces are those that the user picked.
func (v *viewer) workspaces(found *directoryv1.GetSubjectResponse) []workspace {
	list := []workspace{}
	for _, m := range found.GetMemberships() {
		if has := v.access.RoleIn(m.GetWorkspaceId()); has != role.None {
			list = append(list, workspace{graphql.ID(m.GetWorkspaceId()), m.GetWorkspaceName(), has.String(), v.projects(found, m.GetWorkspaceId())})
		}
	}
	return list
}

// external are the workspaces that have a picked project, picked themselves or not.
func (v *viewer) external(found *directoryv1.GetSubjectResponse) []workspace {
	list := []workspace{}
	for _, m := range found.GetMemberships() {
		if projects := v.projects(found, m.GetWorkspaceId()); len(projects) > 0 {
			has := v.access.RoleIn(m.GetWorkspaceId())
			list = append(list, workspace{graphql.ID(m.GetWorkspaceId()), m.GetWorkspaceName(), has.String(), projects})
		}
	}
	return list
}

// projects are those of the workspace that the user picked, by name.
func (v *viewer) projects(found *directoryv1.GetSubjectResponse, workspaceID string) []project {
	list := []project{}
	for _, p := range found.GetProjects() {
		if has := v.access.RoleInProject(p.GetProjectId()); has != role.None && p.GetWorkspaceId() == workspaceID {
			list = append(list, project{graphql.ID(p.GetProjectId()), p.GetName(), has.String()})
		}
	}
	slices.SortFunc(list, func(a, b project) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
