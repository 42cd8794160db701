package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/cmd/chancery/demo"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// demoData is what --demo makes, as scripts read it. It is kept below the data
// folder, because secrets cannot be read back from the server.
type demoData struct {
	User         demoUser        `json:"user"`
	Client       demoClient      `json:"client"`
	NativeClient demoClient      `json:"native_client"`
	Workspaces   []demoWorkspace `json:"workspaces"`
}

type demoUser struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Sub      string `json:"sub"`
}

type demoClient struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
	RedirectURI  string `json:"redirect_uri"`
}

type demoWorkspace struct {
	ID       string        `json:"id"`
	Name     string        `json:"name"`
	Role     string        `json:"role"`
	Projects []demoProject `json:"projects"`
}

type demoProject struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// seeder makes the demo through the calls that an operator would use.
type seeder struct {
	registry  registryv1.RegistryServiceClient
	directory directoryv1.DirectoryServiceClient
}

func newSeeder(conn grpc.ClientConnInterface) seeder {
	return seeder{registryv1.NewRegistryServiceClient(conn), directoryv1.NewDirectoryServiceClient(conn)}
}

// openDemo reads the demo of an earlier start, or makes one.
func (p *process) openDemo(ctx context.Context, d dataFlag) (*demoData, error) {
	s := newSeeder(p.local.Conn(grpcserve.Admin))
	redirectURI := p.config.Issuer + demo.CallbackPath
	content, err := os.ReadFile(d.demo())
	if errors.Is(err, fs.ErrNotExist) {
		return s.create(ctx, d, redirectURI)
	}
	if err != nil {
		return nil, err
	}
	var data demoData
	if err := json.Unmarshal(content, &data); err != nil {
		return nil, fmt.Errorf("read %s: %w", d.demo(), err)
	}
	if data.Client.RedirectURI == redirectURI {
		return &data, nil
	}
	// The address has changed since.
	data.Client.RedirectURI = redirectURI
	if err := s.moveClient(ctx, data.Client); err != nil {
		return nil, err
	}
	return &data, data.write(d)
}

func (s seeder) create(ctx context.Context, d dataFlag, redirectURI string) (*demoData, error) {
	var data demoData
	for _, step := range []func(context.Context, *demoData) error{
		s.createUser,
		func(ctx context.Context, data *demoData) error { return s.createClients(ctx, data, redirectURI) },
		s.createWorkspaces,
	} {
		if err := step(ctx, &data); err != nil {
			return nil, err
		}
	}
	return &data, data.write(d)
}

func (data *demoData) write(d dataFlag) error {
	content, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(d.demo(), content, 0o600)
}

func (s seeder) createUser(ctx context.Context, data *demoData) error {
	claims, err := structpb.NewStruct(map[string]any{
		"name": "Ada Demo", "given_name": "Ada", "family_name": "Demo", "preferred_username": "demo",
		"email": "demo@example.com", "email_verified": true, "locale": "en",
	})
	if err != nil {
		return err
	}
	data.User = demoUser{Username: "demo", Password: secret.NewHandle().Reveal()[:16]}
	resp, err := s.directory.CreateSubject(ctx, &directoryv1.CreateSubjectRequest{
		Username: data.User.Username, Password: data.User.Password, Claims: claims,
	})
	if err != nil {
		return err
	}
	data.User.Sub = resp.GetSubject().GetSub()
	return nil
}

func (s seeder) createClients(ctx context.Context, data *demoData, redirectURI string) error {
	web, err := s.registry.CreateClient(ctx, &registryv1.CreateClientRequest{Client: &registryv1.Client{
		ClientName: "Demo app", ApplicationType: string(oauth.ApplicationWeb), RedirectUris: []string{redirectURI},
		GrantTypes: []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials},
	}})
	if err != nil {
		return err
	}
	data.Client = demoClient{web.GetClient().GetClientId(), web.GetClientSecret(), redirectURI}
	const loopbackURI = "http://127.0.0.1/callback"
	native, err := s.registry.CreateClient(ctx, &registryv1.CreateClientRequest{Client: &registryv1.Client{
		ClientName: "Demo command line", ApplicationType: string(oauth.ApplicationNative), RedirectUris: []string{loopbackURI},
	}})
	if err != nil {
		return err
	}
	data.NativeClient = demoClient{ClientID: native.GetClient().GetClientId(), RedirectURI: loopbackURI}
	return nil
}

// moveClient registers another redirect URI for the demo's web client.
func (s seeder) moveClient(ctx context.Context, c demoClient) error {
	resp, err := s.registry.GetClient(ctx, &registryv1.GetClientRequest{ClientId: c.ClientID})
	if err != nil {
		return err
	}
	client := resp.GetClient()
	client.RedirectUris = []string{c.RedirectURI}
	_, err = s.registry.UpdateClient(ctx, &registryv1.UpdateClientRequest{Client: client})
	return err
}

func (s seeder) createWorkspaces(ctx context.Context, data *demoData) error {
	for _, w := range []struct {
		name, role string
		projects   []string
	}{
		{"Acme", "admin", []string{"Website", "Mobile app"}},
		{"Northwind", "viewer", []string{"Data pipeline"}},
	} {
		made, err := s.createWorkspace(ctx, w.name, w.projects)
		if err != nil {
			return err
		}
		made.Role = w.role
		_, err = s.directory.AddMember(ctx, &directoryv1.AddMemberRequest{WorkspaceId: made.ID, Sub: data.User.Sub, Role: w.role})
		if err != nil {
			return err
		}
		data.Workspaces = append(data.Workspaces, made)
	}
	return nil
}

func (s seeder) createWorkspace(ctx context.Context, name string, projects []string) (demoWorkspace, error) {
	resp, err := s.directory.CreateWorkspace(ctx, &directoryv1.CreateWorkspaceRequest{Name: name})
	if err != nil {
		return demoWorkspace{}, err
	}
	made := demoWorkspace{ID: resp.GetWorkspace().GetWorkspaceId(), Name: name}
	for _, project := range projects {
		p, err := s.directory.CreateProject(ctx, &directoryv1.CreateProjectRequest{WorkspaceId: made.ID, Name: project})
		if err != nil {
			return demoWorkspace{}, err
		}
		made.Projects = append(made.Projects, demoProject{p.GetProject().GetProjectId(), project})
	}
	return made, nil
}

// addDemo makes the demo, and serves its app beside the edge.
func (p *process) addDemo(ctx context.Context, d dataFlag) (*demoData, error) {
	made, err := p.openDemo(ctx, d)
	if err != nil {
		return nil, err
	}
	party, err := demo.New(demo.Config{
		Issuer: p.config.Issuer, ClientID: made.Client.ClientID, ClientSecret: made.Client.ClientSecret, Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	app, edge := party.Handler(), p.http.Handler
	// No mux around the edge: one would tidy paths that the edge refuses.
	p.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == demo.Path || strings.HasPrefix(r.URL.Path, demo.Path+"/") {
			app.ServeHTTP(w, r)
			return
		}
		edge.ServeHTTP(w, r)
	})
	return made, nil
}
