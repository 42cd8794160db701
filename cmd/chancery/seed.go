package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/cmd/chancery/demo"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
	"github.com/chancery-auth/chancery/cmd/chancery/provider"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// demoData is what --demo makes, as scripts read it. It is kept below the data
// folder, because secrets cannot be read back from the server.
type demoData struct {
	// Preset is the name of the one that it was made for.
	Preset       string          `json:"preset"`
	User         demoUser        `json:"user"`
	Client       demoClient      `json:"client"`
	NativeClient demoClient      `json:"native_client"`
	ListedClient demoClient      `json:"listed_client"`
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
	AuthMethod   string `json:"token_endpoint_auth_method,omitempty"`
	RedirectURI  string `json:"redirect_uri"`
}

type demoWorkspace struct {
	ID       string        `json:"id"`
	Slug     string        `json:"slug"`
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
	// preset and brand are the names of the preset and of its platform.
	preset, brand string
	// origin is where the demo app is.
	origin string
	// authMethod is how it authenticates.
	authMethod string
	// loopbackURI is where the native client listens: at any port, where the preset
	// lets it choose.
	loopbackURI string
}

// seeder makes the demo by calls to the services of the process.
func (p *process) seeder() seeder {
	conn := p.local.Conn(grpcserve.Admin)
	s := seeder{
		registry: registryv1.NewRegistryServiceClient(conn), directory: directoryv1.NewDirectoryServiceClient(conn),
		preset: p.preset.Name, brand: p.preset.Brand.Name,
		origin: provider.Origin(p.config.Issuer), authMethod: oauth.AuthClientSecretBasic,
		loopbackURI: "http://127.0.0.1/callback",
	}
	if !p.preset.Authorization.VariableLoopbackPort {
		s.loopbackURI = "http://127.0.0.1:8976/callback"
	}
	if method := p.preset.Clients.Web.TokenEndpointAuthMethod; method == oauth.AuthClientSecretPost {
		s.authMethod = method
	}
	return s
}

// openDemo reads the demo of an earlier start, or makes one.
func (p *process) openDemo(ctx context.Context, d folder.Folder) (*demoData, error) {
	s := p.seeder()
	content, err := os.ReadFile(d.DemoFile())
	if errors.Is(err, fs.ErrNotExist) {
		return s.create(ctx, d)
	}
	if err != nil {
		return nil, err
	}
	var data demoData
	if err := json.Unmarshal(content, &data); err != nil {
		return nil, fmt.Errorf("read %s: %w", d.DemoFile(), err)
	}
	// An earlier version had one preset, and did not name it.
	if made := cmp.Or(data.Preset, preset.Default().Name); made != s.preset {
		return nil, fmt.Errorf("the demo in %s was made for the preset %s: choose another folder with --data", d.Data, made)
	}
	if data.Client.RedirectURI == s.redirectURI() {
		return &data, nil
	}
	// The address has changed since.
	for _, client := range []*demoClient{&data.Client, &data.ListedClient} {
		if err := s.moveClient(ctx, client); err != nil {
			return nil, err
		}
	}
	return &data, data.write(d)
}

func (s seeder) redirectURI() string { return s.origin + demo.CallbackPath }

func (s seeder) create(ctx context.Context, d folder.Folder) (*demoData, error) {
	data := demoData{Preset: s.preset}
	for _, step := range []func(context.Context, *demoData) error{
		s.createUser, s.createClients, s.createWorkspaces, s.createListed,
	} {
		switch err := step(ctx, &data); {
		case errors.Is(err, fault.AlreadyExists):
			return nil, fmt.Errorf("the demo in %s was begun by an earlier start and not finished: remove the folder, or choose another one with --data", d.Data)
		case err != nil:
			return nil, err
		}
	}
	return &data, data.write(d)
}

func (data *demoData) write(d folder.Folder) error {
	content, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(d.DemoFile(), content, 0o600)
}

func (s seeder) createUser(ctx context.Context, data *demoData) error {
	claims, err := structpb.NewStruct(map[string]any{
		"name": "Ada Demo", "given_name": "Ada", "family_name": "Demo", "preferred_username": "demo",
		"email": "demo@example.com", "email_verified": true, "locale": "en", "picture": s.origin + demo.PicturePath,
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

func (s seeder) createClients(ctx context.Context, data *demoData) error {
	web, err := s.registry.CreateClient(ctx, &registryv1.CreateClientRequest{Client: &registryv1.Client{
		ClientName: "Demo app", ApplicationType: string(oauth.ApplicationWeb), RedirectUris: []string{s.redirectURI()},
		GrantTypes:              []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials},
		TokenEndpointAuthMethod: s.authMethod,
	}})
	if err != nil {
		return err
	}
	data.Client = demoClient{web.GetClient().GetClientId(), web.GetClientSecret(), s.authMethod, s.redirectURI()}
	native, err := s.registry.CreateClient(ctx, &registryv1.CreateClientRequest{Client: &registryv1.Client{
		ClientName: "Demo command line", ApplicationType: string(oauth.ApplicationNative), RedirectUris: []string{s.loopbackURI},
	}})
	if err != nil {
		return err
	}
	data.NativeClient = demoClient{ClientID: native.GetClient().GetClientId(), RedirectURI: s.loopbackURI}
	return nil
}

// createListed makes an app of the first workspace, which everybody finds in the
// directory of apps. It shares the demo's pages.
func (s seeder) createListed(ctx context.Context, data *demoData) error {
	resp, err := s.registry.CreateClient(ctx, &registryv1.CreateClientRequest{Client: &registryv1.Client{
		ClientName: s.listedName(), ApplicationType: string(oauth.ApplicationWeb), RedirectUris: []string{s.redirectURI()},
		Description: "Shows what happens in your projects on one page.", ClientUri: s.origin + demo.Path,
		WorkspaceId: data.Workspaces[0].ID, Visibility: "public", TokenEndpointAuthMethod: s.authMethod,
	}})
	if err != nil {
		return err
	}
	data.ListedClient = demoClient{resp.GetClient().GetClientId(), resp.GetClientSecret(), s.authMethod, s.redirectURI()}
	return nil
}

// listedName is the name of the listed app, which may not have the platform's in
// it.
func (s seeder) listedName() string {
	const usual = "Acme dashboard"
	if strings.Contains(strings.ToLower(usual), strings.ToLower(s.brand)) {
		return "Weekly report"
	}
	return usual
}

// moveClient registers where the demo is now, for one of its clients. A demo that
// an earlier version made may lack it.
func (s seeder) moveClient(ctx context.Context, c *demoClient) error {
	if c.ClientID == "" {
		return nil
	}
	c.RedirectURI = s.redirectURI()
	resp, err := s.registry.GetClient(ctx, &registryv1.GetClientRequest{ClientId: c.ClientID})
	if err != nil {
		return err
	}
	client := resp.GetClient()
	client.RedirectUris = []string{c.RedirectURI}
	if client.GetClientUri() != "" {
		client.ClientUri = s.origin + demo.Path
	}
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
	made := demoWorkspace{ID: resp.GetWorkspace().GetWorkspaceId(), Slug: resp.GetWorkspace().GetSlug(), Name: name}
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
func (p *process) addDemo(ctx context.Context, d folder.Folder) (*demoData, error) {
	made, err := p.openDemo(ctx, d)
	if err != nil {
		return nil, err
	}
	party, err := demo.New(demo.Config{
		Brand: p.preset.Brand.Name, Issuer: p.config.Issuer, Origin: provider.Origin(p.config.Issuer),
		ClientID: made.Client.ClientID, ClientSecret: made.Client.ClientSecret, AuthMethod: made.Client.AuthMethod,
		Scopes: p.preset.Scopes, Now: time.Now,
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
