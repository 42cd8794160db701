package registry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry"
)

// fixture is the registry behind the interceptors that it has when it runs.
type fixture struct {
	service *registry.Service
	admin   registryv1.RegistryServiceClient
	gateway registryv1.RegistryServiceClient
	token   registryv1.RegistryServiceClient
	owner   registryv1.RegistryServiceClient // as the directory
	log     *bytes.Buffer

	developer registryv1.DeveloperServiceClient
	directory *directory
	// developerOf is the service as another caller sees it.
	developerOf func(grpcserve.Caller) registryv1.DeveloperServiceClient
}

func newFixture(t *testing.T, stores registry.Stores) fixture {
	t.Helper()
	p := preset.Default()
	p.Clients.Kinds = []preset.ClientKind{{Name: "mcp"}}
	var log bytes.Buffer
	local, err := grpcserve.NewLocal(grpcserve.Options{
		Log:    slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Tracer: noop.NewTracerProvider().Tracer(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	people := &directory{}
	directoryv1.RegisterDirectoryServiceServer(local, people)
	service := registry.New(registry.Config{
		Issuer: "https://as.test",
		Preset: p,
	}, registry.Deps{
		Stores:    stores,
		Directory: directoryv1.NewDirectoryServiceClient(local.Conn("registry")),
		Now:       func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) },
	})
	service.Register(local)
	client := func(c grpcserve.Caller) registryv1.RegistryServiceClient {
		return registryv1.NewRegistryServiceClient(local.Conn(c))
	}
	developerOf := func(c grpcserve.Caller) registryv1.DeveloperServiceClient {
		return registryv1.NewDeveloperServiceClient(local.Conn(c))
	}
	return fixture{
		service: service, admin: client(grpcserve.Admin), gateway: client("gateway"), token: client("token"), owner: client("directory"), log: &log,
		developer: developerOf("gateway"), developerOf: developerOf, directory: people,
	}
}

func onSQLite(t *testing.T) fixture {
	t.Helper()
	return newFixture(t, sqliteStores(t))
}

func sqliteStores(t *testing.T) registry.Stores {
	t.Helper()
	return registry.NewStores(databasetest.SQLite(t, coherence.Set(), events.Set(), registry.Migrations()))
}

// everyField has a value in each field that an operator may set.
func everyField() *registryv1.Client {
	return &registryv1.Client{
		ClientName:                         "Example",
		ApplicationType:                    "web",
		TokenEndpointAuthMethod:            "client_secret_post",
		TokenEndpointAuthMethodsSupported:  []string{"client_secret_post", "client_secret_basic"},
		RedirectUris:                       []string{"https://app.example/cb", "http://localhost:3000/cb"},
		GrantTypes:                         []string{"authorization_code", "refresh_token", "client_credentials"},
		Scope:                              "openid email introspect",
		DefaultScope:                       "openid",
		ClientUri:                          "https://app.example/",
		LogoUri:                            "https://app.example/logo.png",
		PolicyUri:                          "https://app.example/policy",
		TosUri:                             "https://app.example/tos",
		RequirePkce:                        proto.Bool(false),
		RequirePushedAuthorizationRequests: true,
		IdTokenSignedResponseAlg:           "ES256",
		Audience:                           []string{"https://api.example/"},
		AccessTokenLifetime:                durationpb.New(5 * time.Minute),
		RefreshTokenLifetime:               durationpb.New(24 * time.Hour),
		RefreshRotation:                    "never",
		RefreshGrace:                       durationpb.New(0),
		RefreshWindow:                      durationpb.New(0),
		SkipConsent:                        true,
		Vetted:                             proto.Bool(false),
		Unverified:                         true,
		RequireRevocationAuth:              true,
		Description:                        "What it does",
		WorkspaceId:                        ownerID,
		Visibility:                         "internal",
		ClientKind:                         "mcp",
	}
}

func create(t *testing.T, f fixture, c *registryv1.Client) *registryv1.CreateClientResponse {
	t.Helper()
	created, err := f.admin.CreateClient(t.Context(), &registryv1.CreateClientRequest{Client: c})
	if err != nil {
		t.Fatalf("CreateClient() = %v", err)
	}
	return created
}

func differ(t *testing.T, got, want proto.Message, ignore ...protoreflect.Name) {
	t.Helper()
	options := []cmp.Option{protocmp.Transform()}
	for _, name := range ignore {
		options = append(options, protocmp.IgnoreFields(&registryv1.Client{}, name))
	}
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryFieldComesBack(t *testing.T) {
	run := func(t *testing.T, f fixture) {
		created := create(t, f, everyField())
		differ(t, created.GetClient(), everyField(), "client_id", "version", "scope_version", "revision", "create_time")
		got, err := f.gateway.GetClient(t.Context(), &registryv1.GetClientRequest{ClientId: created.GetClient().GetClientId()})
		if err != nil {
			t.Fatalf("GetClient() = %v", err)
		}
		differ(t, got.GetClient(), created.GetClient())
		who, err := f.token.AuthenticateClient(t.Context(), &registryv1.AuthenticateClientRequest{
			ClientId: created.GetClient().GetClientId(), Method: "client_secret_post", ClientSecret: created.GetClientSecret(),
		})
		if err != nil {
			t.Fatalf("AuthenticateClient() = %v", err)
		}
		differ(t, who.GetClient(), created.GetClient())
		if _, err := sweeptest.All(t.Context(), f.service.Sweeps()...); err != nil {
			t.Errorf("Sweep() = %v", err)
		}
	}
	t.Run("SQLite", func(t *testing.T) { run(t, onSQLite(t)) })
	t.Run("Postgres", func(t *testing.T) {
		run(t, newFixture(t, registry.NewStores(databasetest.Postgres(t, coherence.Set(), events.Set(), registry.Migrations()))))
	})
}

func TestUnsetFieldsHaveDefaults(t *testing.T) {
	f := onSQLite(t)
	c := create(t, f, &registryv1.Client{ClientName: "Example", RedirectUris: []string{"https://app.example/cb"}}).GetClient()
	if !c.GetRequirePkce() || c.RefreshGrace != nil || c.GetApplicationType() != "web" || c.GetIdTokenSignedResponseAlg() != "RS256" {
		t.Errorf("CreateClient() = %v", c)
	}
}

func TestN214_ReadOnlyFieldsAreIgnored(t *testing.T) {
	f := onSQLite(t)
	given := everyField()
	given.ClientId, given.Version, given.ScopeVersion, given.Revision = "chosen", 70, 70, 70
	c := create(t, f, given).GetClient()
	if c.GetClientId() == "chosen" || c.GetVersion() != 1 || c.GetScopeVersion() != 1 || c.GetRevision() != 1 {
		t.Errorf("CreateClient() took read-only fields: %v", c)
	}
	edited := proto.CloneOf(c)
	edited.Version, edited.ScopeVersion, edited.CreateTime = 70, 70, nil
	updated, err := f.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: edited})
	if err != nil {
		t.Fatalf("UpdateClient() = %v", err)
	}
	differ(t, updated.GetClient(), c, "revision")
}

func TestUpdateOfAScopeRaisesItsVersionOnLossOnly(t *testing.T) {
	f := onSQLite(t)
	c := create(t, f, everyField()).GetClient()
	for _, step := range []struct {
		scope string
		want  int64
	}{{"openid email introspect phone", 1}, {"introspect email openid phone", 1}, {"openid phone", 2}, {"openid email", 3}} {
		c.Scope = step.scope
		updated, err := f.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: c})
		if err != nil {
			t.Fatalf("UpdateClient() = %v", err)
		}
		if c = updated.GetClient(); c.GetScopeVersion() != step.want {
			t.Errorf("scope %q has version %d, want %d", step.scope, c.GetScopeVersion(), step.want)
		}
	}
}

func TestN220_SecretIsShownOnce(t *testing.T) {
	f := onSQLite(t)
	created := create(t, f, everyField())
	id, first := created.GetClient().GetClientId(), created.GetClientSecret()
	second, err := f.admin.CreateSecret(t.Context(), &registryv1.CreateSecretRequest{ClientId: id})
	if err != nil {
		t.Fatalf("CreateSecret() = %v", err)
	}
	list, err := f.admin.ListSecrets(t.Context(), &registryv1.ListSecretsRequest{ClientId: id})
	if err != nil {
		t.Fatalf("ListSecrets() = %v", err)
	}
	got, err := f.gateway.GetClient(t.Context(), &registryv1.GetClientRequest{ClientId: id})
	if err != nil {
		t.Fatalf("GetClient() = %v", err)
	}
	clients, err := f.admin.ListClients(t.Context(), &registryv1.ListClientsRequest{})
	if err != nil {
		t.Fatalf("ListClients() = %v", err)
	}
	wrong := first[:len(first)-1] + "!"
	_, err = f.token.AuthenticateClient(t.Context(), &registryv1.AuthenticateClientRequest{ClientId: id, Method: "client_secret_post", ClientSecret: wrong})
	if !errors.Is(err, oauth.InvalidClient) {
		t.Errorf("AuthenticateClient(wrong secret) = %v, want %v", err, oauth.InvalidClient)
	}
	shown := list.String() + got.String() + clients.String() + err.Error() + f.log.String()
	for _, text := range []string{first, second.GetClientSecret(), wrong} {
		// The body of the secret, in case that only its frame is redacted.
		if strings.Contains(shown, text[5:25]) {
			t.Errorf("a secret is shown again")
		}
	}
	if n := len(list.GetSecrets()); n != 2 || list.GetSecrets()[0].GetHint() != first[len(first)-4:] && list.GetSecrets()[1].GetHint() != first[len(first)-4:] {
		t.Errorf("ListSecrets() = %v", list)
	}
}

func TestSecretsAreLimitedToTen(t *testing.T) {
	f := onSQLite(t)
	id := create(t, f, everyField()).GetClient().GetClientId()
	var last *registryv1.CreateSecretResponse
	for range 9 {
		var err error
		if last, err = f.admin.CreateSecret(t.Context(), &registryv1.CreateSecretRequest{ClientId: id}); err != nil {
			t.Fatalf("CreateSecret() = %v", err)
		}
	}
	if _, err := f.admin.CreateSecret(t.Context(), &registryv1.CreateSecretRequest{ClientId: id}); !errors.Is(err, fault.Exhausted) {
		t.Errorf("CreateSecret() of the eleventh = %v, want %v", err, fault.Exhausted)
	}
	if _, err := f.admin.RevokeSecret(t.Context(), &registryv1.RevokeSecretRequest{ClientId: id, SecretId: last.GetSecretId()}); err != nil {
		t.Errorf("RevokeSecret() = %v", err)
	}
	if _, err := f.admin.RevokeSecret(t.Context(), &registryv1.RevokeSecretRequest{ClientId: id, SecretId: last.GetSecretId()}); !errors.Is(err, fault.NotFound) {
		t.Errorf("RevokeSecret() again = %v, want %v", err, fault.NotFound)
	}
	public := everyField()
	public.TokenEndpointAuthMethod, public.TokenEndpointAuthMethodsSupported = "none", nil
	public.RequirePkce, public.RefreshRotation = nil, ""
	public.GrantTypes, public.Scope = []string{"authorization_code"}, "openid"
	publicID := create(t, f, public).GetClient().GetClientId()
	if _, err := f.admin.CreateSecret(t.Context(), &registryv1.CreateSecretRequest{ClientId: publicID}); !errors.Is(err, fault.Invalid) {
		t.Errorf("CreateSecret() for a public client = %v, want %v", err, fault.Invalid)
	}
}

func TestN217_PageSizeIsBounded(t *testing.T) {
	f := onSQLite(t)
	create(t, f, everyField())
	for _, tt := range []struct {
		size int32
		want error
	}{{-1, fault.Invalid}, {0, nil}, {1, nil}, {1000, nil}, {1001, fault.Invalid}, {1 << 30, fault.Invalid}} {
		if _, err := f.admin.ListClients(t.Context(), &registryv1.ListClientsRequest{PageSize: tt.size}); !errors.Is(err, tt.want) {
			t.Errorf("ListClients(%d) = %v, want %v", tt.size, err, tt.want)
		}
	}
}

func TestMalformedMetadataAreRefused(t *testing.T) {
	f := onSQLite(t)
	for name, change := range map[string]func(*registryv1.Client){
		"scope":         func(c *registryv1.Client) { c.Scope = "openid  email" },
		"default scope": func(c *registryv1.Client) { c.DefaultScope = "openid\n" },
		"lifetime":      func(c *registryv1.Client) { c.AccessTokenLifetime = &durationpb.Duration{Seconds: 1, Nanos: -1} },
		"overflow":      func(c *registryv1.Client) { c.RefreshTokenLifetime = &durationpb.Duration{Seconds: 1 << 60} },
		"window":        func(c *registryv1.Client) { c.RefreshWindow = &durationpb.Duration{Nanos: 1 << 30} },
		"grace":         func(c *registryv1.Client) { c.RefreshGrace = &durationpb.Duration{Nanos: 1 << 30} },
	} {
		t.Run(name, func(t *testing.T) {
			c := everyField()
			change(c)
			if _, err := f.admin.CreateClient(t.Context(), &registryv1.CreateClientRequest{Client: c}); !errors.Is(err, fault.Invalid) {
				t.Errorf("CreateClient() = %v, want %v", err, fault.Invalid)
			}
		})
	}
}

func TestOwnersAreWorkspacesThatThereAre(t *testing.T) {
	f := onSQLite(t)
	named := func(workspace string) *registryv1.Client {
		return &registryv1.Client{ClientName: "Example", WorkspaceId: workspace}
	}
	check := func(doing string, err error, kind fault.Kind, message string) {
		t.Helper()
		if !errors.Is(err, kind) || !strings.Contains(err.Error(), message) {
			t.Errorf("%s = %v, want %v %q", doing, err, kind, message)
		}
	}
	try := func(workspace string) error {
		_, err := f.admin.CreateClient(t.Context(), &registryv1.CreateClientRequest{Client: named(workspace)})
		return err
	}
	const unknown = "11111111-1111-4111-8111-111111111111"
	check("CreateClient(unknown)", try(unknown), fault.Invalid, "workspace_id names no workspace")
	check("CreateClient(no UUID)", try("acme"), fault.Invalid, "workspace_id must be a UUID")
	check("CreateClient(another spelling)", try(strings.ToUpper(ownerID)), fault.Invalid, "workspace_id must be a UUID")
	owned := create(t, f, named(ownerID)).GetClient()
	f.directory.goAway()
	check("CreateClient(owner unknown at present)", try(ownerID), fault.Unavailable, "")
	if err := try(""); err != nil {
		t.Errorf("CreateClient() without owner = %v", err)
	}
	// What takes a right away waits for nobody: the owner stays, and is not asked for.
	update := func() error {
		_, err := f.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: owned})
		return err
	}
	if err := update(); err != nil {
		t.Errorf("UpdateClient() = %v", err)
	}
	owned.Revision, owned.WorkspaceId = owned.GetRevision()+1, unknown
	check("UpdateClient(unknown)", update(), fault.Invalid, "workspace_id cannot be changed")
}

func TestOriginsAreThoseOfRedirectURIs(t *testing.T) {
	f := onSQLite(t)
	web := everyField()
	web.RedirectUris = []string{"https://APP.example:443/cb", "https://app.example:8443/cb", "http://localhost:3000/cb", "http://127.0.0.1:80/cb"}
	create(t, f, web)
	create(t, f, &registryv1.Client{
		ClientName: "Native", ApplicationType: "native",
		RedirectUris: []string{"http://127.0.0.1:4000/cb", "com.example.app:/cb", "https://claimed.example/cb"},
	})
	for origin, want := range map[string]bool{
		"https://app.example": true, "https://app.example:8443": true, "http://localhost:3000": true, "http://127.0.0.1": true, "https://claimed.example": true,
		"http://app.example": false, "https://app.example:443": false, "http://localhost": false, "http://127.0.0.1:4000": false,
		"null": false, "": false, "https://app.example.evil.test": false,
	} {
		got, err := f.gateway.CheckOrigin(t.Context(), &registryv1.CheckOriginRequest{Origin: origin})
		if err != nil || got.GetRegistered() != want {
			t.Errorf("CheckOrigin(%q) = %v, %v, want %v", origin, got.GetRegistered(), err, want)
		}
	}
}

func TestScopesAreTheCatalogue(t *testing.T) {
	f := onSQLite(t)
	list, err := f.gateway.ListScopes(t.Context(), &registryv1.ListScopesRequest{})
	if err != nil {
		t.Fatalf("ListScopes() = %v", err)
	}
	catalogue := preset.Default().Scopes
	if len(list.GetScopes()) != len(catalogue) {
		t.Fatalf("ListScopes() has %d scopes, want %d", len(list.GetScopes()), len(catalogue))
	}
	for i, s := range list.GetScopes() {
		if s.GetName() != catalogue[i].Name || s.GetDescription() == "" || s.GetKind() == registryv1.ScopeDescription_KIND_UNSPECIFIED {
			t.Errorf("ListScopes() has %v, want %v", s, catalogue[i])
		}
	}
	if first := list.GetScopes()[0]; first.GetLevel() != "" {
		t.Errorf("level of %s = %q, want none", first.GetName(), first.GetLevel())
	}
}

func TestOnlyAdministratorsChangeClients(t *testing.T) {
	f := onSQLite(t)
	create(t, f, everyField())
	for name, call := range map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			_, err := f.gateway.CreateClient(ctx, &registryv1.CreateClientRequest{Client: everyField()})
			return err
		},
		"list": func(ctx context.Context) error {
			_, err := f.token.ListClients(ctx, &registryv1.ListClientsRequest{})
			return err
		},
		"authenticate": func(ctx context.Context) error {
			_, err := f.gateway.AuthenticateClient(ctx, &registryv1.AuthenticateClientRequest{})
			return err
		},
	} {
		if err := call(t.Context()); !errors.Is(err, fault.Denied) {
			t.Errorf("%s = %v, want %v", name, err, fault.Denied)
		}
	}
}
