// Package seed makes the demo: a user, workspaces and clients.
package seed

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"google.golang.org/grpc"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/demo"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/provider"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// Data is what --demo makes, as scripts read it. It is kept below the data
// folder, because secrets cannot be read back from the server.
type Data struct {
	// Preset is the name of the one that it was made for.
	Preset       string      `json:"preset"`
	User         User        `json:"user"`
	Client       Client      `json:"client"`
	NativeClient Client      `json:"native_client"`
	ListedClient Client      `json:"listed_client"`
	Workspaces   []Workspace `json:"workspaces"`
}

// User is who signs in.
type User struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Sub      string `json:"sub"`
}

// Client is a client of the demo; one without a secret is public.
type Client struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
	AuthMethod   string `json:"token_endpoint_auth_method,omitempty"`
	RedirectURI  string `json:"redirect_uri"`
}

// Workspace is a workspace of the demo, and the role that the user has there.
type Workspace struct {
	ID       string    `json:"id"`
	Slug     string    `json:"slug"`
	Name     string    `json:"name"`
	Role     string    `json:"role"`
	Projects []Project `json:"projects"`
}

// Project is a project of a workspace.
type Project struct {
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

// Config says whose demo it is.
type Config struct {
	Conn   grpc.ClientConnInterface // of an admin
	Preset preset.Preset
	Issuer string
}

func newSeeder(c Config) seeder {
	s := seeder{
		registry: registryv1.NewRegistryServiceClient(c.Conn), directory: directoryv1.NewDirectoryServiceClient(c.Conn),
		preset: c.Preset.Name, brand: c.Preset.Brand.Name,
		origin: provider.Origin(c.Issuer), authMethod: oauth.AuthClientSecretBasic,
		loopbackURI: "http://127.0.0.1/callback",
	}
	if !c.Preset.Authorization.VariableLoopbackPort {
		s.loopbackURI = "http://127.0.0.1:8976/callback"
	}
	if method := c.Preset.Clients.Web.TokenEndpointAuthMethod; method == oauth.AuthClientSecretPost {
		s.authMethod = method
	}
	return s
}

// Open reads the demo of an earlier start, or makes one.
func Open(ctx context.Context, d folder.Folder, c Config) (*Data, error) {
	s := newSeeder(c)
	content, err := os.ReadFile(d.DemoFile())
	if errors.Is(err, fs.ErrNotExist) {
		return s.create(ctx, d)
	}
	if err != nil {
		return nil, err
	}
	var data Data
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
	for _, client := range []*Client{&data.Client, &data.ListedClient} {
		if err := s.moveClient(ctx, client); err != nil {
			return nil, err
		}
	}
	return &data, data.write(d)
}

func (s seeder) redirectURI() string { return s.origin + demo.CallbackPath }

func (s seeder) create(ctx context.Context, d folder.Folder) (*Data, error) {
	data := Data{Preset: s.preset}
	for _, step := range []func(context.Context, *Data) error{
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

func (data *Data) write(d folder.Folder) error {
	content, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(d.DemoFile(), content, 0o600)
}

func (s seeder) createUser(ctx context.Context, data *Data) error {
	claims, err := structpb.NewStruct(map[string]any{
		"name": "Ada Demo", "given_name": "Ada", "family_name": "Demo", "preferred_username": "demo",
		"email": "demo@example.com", "email_verified": true, "locale": "en", "picture": s.origin + demo.PicturePath,
	})
	if err != nil {
		return err
	}
	data.User = User{Username: "demo", Password: secret.NewHandle().Reveal()[:16]}
	resp, err := s.directory.CreateSubject(ctx, &directoryv1.CreateSubjectRequest{
		Username: data.User.Username, Password: data.User.Password, Claims: claims,
	})
	if err != nil {
		return err
	}
	data.User.Sub = resp.GetSubject().GetSub()
	return nil
}

func (s seeder) createClients(ctx context.Context, data *Data) error {
	web, err := s.registry.CreateClient(ctx, &registryv1.CreateClientRequest{Client: &registryv1.Client{
		ClientName: "Demo app", ApplicationType: string(oauth.ApplicationWeb), RedirectUris: []string{s.redirectURI()},
		GrantTypes:              []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials},
		TokenEndpointAuthMethod: s.authMethod,
	}})
	if err != nil {
		return err
	}
	data.Client = Client{web.GetClient().GetClientId(), web.GetClientSecret(), s.authMethod, s.redirectURI()}
	native, err := s.registry.CreateClient(ctx, &registryv1.CreateClientRequest{Client: &registryv1.Client{
		ClientName: "Demo command line", ApplicationType: string(oauth.ApplicationNative), RedirectUris: []string{s.loopbackURI},
	}})
	if err != nil {
		return err
	}
	data.NativeClient = Client{ClientID: native.GetClient().GetClientId(), RedirectURI: s.loopbackURI}
	return nil
}

// createListed makes an app of the first workspace, which everybody finds in the
// directory of apps. It shares the demo's pages.
func (s seeder) createListed(ctx context.Context, data *Data) error {
	resp, err := s.registry.CreateClient(ctx, &registryv1.CreateClientRequest{Client: &registryv1.Client{
		ClientName: s.listedName(), ApplicationType: string(oauth.ApplicationWeb), RedirectUris: []string{s.redirectURI()},
		Description: "Shows what happens in your projects on one page.", ClientUri: s.origin + demo.Path,
		WorkspaceId: data.Workspaces[0].ID, Visibility: "public", TokenEndpointAuthMethod: s.authMethod,
	}})
	if err != nil {
		return err
	}
	data.ListedClient = Client{resp.GetClient().GetClientId(), resp.GetClientSecret(), s.authMethod, s.redirectURI()}
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
func (s seeder) moveClient(ctx context.Context, c *Client) error {
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

func (s seeder) createWorkspaces(ctx context.Context, data *Data) error {
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

func (s seeder) createWorkspace(ctx context.Context, name string, projects []string) (Workspace, error) {
	resp, err := s.directory.CreateWorkspace(ctx, &directoryv1.CreateWorkspaceRequest{Name: name})
	if err != nil {
		return Workspace{}, err
	}
	made := Workspace{ID: resp.GetWorkspace().GetWorkspaceId(), Slug: resp.GetWorkspace().GetSlug(), Name: name}
	for _, project := range projects {
		p, err := s.directory.CreateProject(ctx, &directoryv1.CreateProjectRequest{WorkspaceId: made.ID, Name: project})
		if err != nil {
			return Workspace{}, err
		}
		made.Projects = append(made.Projects, Project{p.GetProject().GetProjectId(), project})
	}
	return made, nil
}
