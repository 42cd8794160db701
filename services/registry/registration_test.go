package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace/noop"
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
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry"
)

// selfService is a registry where clients register themselves.
type selfService struct {
	service *registry.Service
	self    registryv1.RegistrationServiceClient
	admin   registryv1.RegistryServiceClient
	gateway registryv1.RegistryServiceClient
	token   registryv1.RegistryServiceClient
	// others may not register clients, whatever they present.
	others registryv1.RegistrationServiceClient
	log    *bytes.Buffer
}

func newSelfService(t *testing.T, mode preset.RegistrationMode, stores registry.Stores) selfService {
	t.Helper()
	p := preset.Default()
	p.Registration.Mode = mode
	service := registry.New(registry.Config{Issuer: "https://as.test", Preset: p}, registry.Deps{
		Stores: stores,
		Now:    func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) },
	})
	var log bytes.Buffer
	local, err := grpcserve.NewLocal(grpcserve.Options{
		Log:    slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Tracer: noop.NewTracerProvider().Tracer(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	service.Register(local)
	return selfService{
		service: service,
		self:    registryv1.NewRegistrationServiceClient(local.Conn("gateway")),
		admin:   registryv1.NewRegistryServiceClient(local.Conn(grpcserve.Admin)),
		gateway: registryv1.NewRegistryServiceClient(local.Conn("gateway")),
		token:   registryv1.NewRegistryServiceClient(local.Conn("token")),
		others:  registryv1.NewRegistrationServiceClient(local.Conn("token")),
		log:     &log,
	}
}

func selfServiceOnSQLite(t *testing.T, mode preset.RegistrationMode) selfService {
	t.Helper()
	return newSelfService(t, mode, registry.NewStores(databasetest.SQLite(t, coherence.Set(), events.Set(), registry.Migrations())))
}

// everyMember has a value in each member that is supported.
func everyMember() *registryv1.ClientMetadata {
	return &registryv1.ClientMetadata{
		RedirectUris:                       []string{"https://app.example/cb", "http://localhost:3000/cb"},
		TokenEndpointAuthMethod:            "client_secret_post",
		GrantTypes:                         []string{"authorization_code", "refresh_token"},
		ResponseTypes:                      []string{"code"},
		ClientName:                         "Example",
		ClientUri:                          "https://app.example/",
		LogoUri:                            "https://app.example/logo.png",
		Scope:                              "openid email",
		TosUri:                             "https://app.example/tos",
		PolicyUri:                          "https://app.example/policy",
		Jwks:                               `{"keys":[{"kty":"RSA","alg":"RS256","kid":"a","e":"AQAB","n":"` + strings.Repeat("_", 341) + `w"}]}`,
		ApplicationType:                    "web",
		IdTokenSignedResponseAlg:           "ES256",
		RequirePushedAuthorizationRequests: true,
		SubjectType:                        "public",
	}
}

func (s selfService) register(t *testing.T, m *registryv1.ClientMetadata) *registryv1.RegisterClientResponse {
	t.Helper()
	resp, err := s.self.RegisterClient(t.Context(), &registryv1.RegisterClientRequest{Metadata: m})
	if err != nil {
		t.Fatalf("RegisterClient() = %v", err)
	}
	return resp
}

func TestEveryMemberComesBack(t *testing.T) {
	run := func(t *testing.T, s selfService) {
		created := s.register(t, everyMember())
		id, token := created.GetClient().GetClientId(), created.GetRegistrationAccessToken()
		if diff := cmp.Diff(everyMember(), created.GetClient().GetMetadata(), protocmp.Transform()); diff != "" {
			t.Errorf("RegisterClient() (-want +got):\n%s", diff)
		}
		if created.GetClient().GetClientIdIssuedAt() < time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix() {
			t.Errorf("client_id_issued_at = %d", created.GetClient().GetClientIdIssuedAt())
		}
		got, err := s.self.GetRegistration(t.Context(), &registryv1.GetRegistrationRequest{ClientId: id, RegistrationAccessToken: token})
		if err != nil {
			t.Fatalf("GetRegistration() = %v", err)
		}
		if diff := cmp.Diff(created.GetClient(), got.GetClient(), protocmp.Transform()); diff != "" {
			t.Errorf("GetRegistration() (-want +got):\n%s", diff)
		}
		updated, err := s.self.UpdateRegistration(t.Context(), &registryv1.UpdateRegistrationRequest{
			ClientId: id, RegistrationAccessToken: token, Metadata: everyMember(), BodyClientId: id, BodyClientSecret: created.GetClientSecret(),
		})
		if err != nil {
			t.Fatalf("UpdateRegistration() = %v", err)
		}
		if diff := cmp.Diff(created.GetClient(), updated.GetClient(), protocmp.Transform()); diff != "" {
			t.Errorf("UpdateRegistration() (-want +got):\n%s", diff)
		}
		wantOneSecret(t, s, id, updated.GetClientSecret(), created.GetClientSecret())
		if _, err := s.self.DeleteRegistration(t.Context(), &registryv1.DeleteRegistrationRequest{ClientId: id, RegistrationAccessToken: token}); err != nil {
			t.Fatalf("DeleteRegistration() = %v", err)
		}
		if _, err := s.gateway.GetClient(t.Context(), &registryv1.GetClientRequest{ClientId: id}); !errors.Is(err, fault.NotFound) {
			t.Errorf("GetClient() of the deleted = %v, want %v", err, fault.NotFound)
		}
		if _, err := sweeptest.All(t.Context(), s.service.Sweeps()...); err != nil {
			t.Errorf("Sweep() = %v", err)
		}
	}
	t.Run("SQLite", func(t *testing.T) { run(t, selfServiceOnSQLite(t, preset.RegistrationOpen)) })
	t.Run("Postgres", func(t *testing.T) {
		run(t, newSelfService(t, preset.RegistrationOpen, registry.NewStores(databasetest.Postgres(t, coherence.Set(), events.Set(), registry.Migrations()))))
	})
}

// wantOneSecret authenticates with the good secret, and not with that before it.
func wantOneSecret(t *testing.T, s selfService, clientID, good, old string) {
	t.Helper()
	authenticate := func(shown string) error {
		_, err := s.token.AuthenticateClient(t.Context(), &registryv1.AuthenticateClientRequest{
			ClientId: clientID, Method: "client_secret_post", ClientSecret: shown,
		})
		return err
	}
	if err := authenticate(good); err != nil {
		t.Errorf("AuthenticateClient(new secret) = %v", err)
	}
	if err := authenticate(old); !errors.Is(err, oauth.InvalidClient) {
		t.Errorf("AuthenticateClient(old secret) = %v, want %v", err, oauth.InvalidClient)
	}
}

func TestN206_RegistrationIsForWhomThePresetSays(t *testing.T) {
	for _, tt := range []struct {
		mode       preset.RegistrationMode
		none, good error
	}{
		{preset.RegistrationOff, oauth.AccessDenied, oauth.AccessDenied},
		{preset.RegistrationToken, oauth.InvalidToken, nil},
		{preset.RegistrationOpen, nil, nil},
	} {
		t.Run(string(tt.mode), func(t *testing.T) {
			s := selfServiceOnSQLite(t, tt.mode)
			made, err := s.admin.CreateInitialAccessToken(t.Context(), &registryv1.CreateInitialAccessTokenRequest{})
			if err != nil {
				t.Fatal(err)
			}
			for token, want := range map[string]error{"": tt.none, made.GetInitialAccessToken(): tt.good} {
				_, err := s.self.RegisterClient(t.Context(), &registryv1.RegisterClientRequest{Metadata: everyMember(), InitialAccessToken: token})
				if !errors.Is(err, want) {
					t.Errorf("RegisterClient() = %v, want %v", err, want)
				}
			}
			_, err = s.others.RegisterClient(t.Context(), &registryv1.RegisterClientRequest{Metadata: everyMember(), InitialAccessToken: made.GetInitialAccessToken()})
			if !errors.Is(err, fault.Denied) {
				t.Errorf("RegisterClient() of another service = %v, want %v", err, fault.Denied)
			}
		})
	}
}

// What nobody vouches for has no right of an operator's client.
func TestN214_ClientsDoNotVouchForThemselves(t *testing.T) {
	s := selfServiceOnSQLite(t, preset.RegistrationOpen)
	created := s.register(t, everyMember())
	id := created.GetClient().GetClientId()
	check := func() {
		t.Helper()
		got, err := s.gateway.GetClient(t.Context(), &registryv1.GetClientRequest{ClientId: id})
		if err != nil {
			t.Fatal(err)
		}
		c := got.GetClient()
		if c.GetVetted() || !c.GetUnverified() || !c.GetDynamicallyRegistered() || c.GetWorkspaceId() != "" || c.GetSkipConsent() || len(c.GetAudience()) != 0 ||
			c.GetVisibility() != "unlisted" || c.GetAccessTokenLifetime().AsDuration() != 0 || !c.GetRequirePkce() {
			t.Errorf("client = %v", c)
		}
	}
	check()
	_, err := s.self.UpdateRegistration(t.Context(), &registryv1.UpdateRegistrationRequest{
		ClientId: id, RegistrationAccessToken: created.GetRegistrationAccessToken(), Metadata: everyMember(), BodyClientId: id,
	})
	if err != nil {
		t.Fatal(err)
	}
	check()
}

func TestN220_RegistrationTokensAreShownOnce(t *testing.T) {
	s := selfServiceOnSQLite(t, preset.RegistrationToken)
	made, err := s.admin.CreateInitialAccessToken(t.Context(), &registryv1.CreateInitialAccessTokenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	created, err := s.self.RegisterClient(t.Context(), &registryv1.RegisterClientRequest{Metadata: everyMember(), InitialAccessToken: made.GetInitialAccessToken()})
	if err != nil {
		t.Fatal(err)
	}
	id, token := created.GetClient().GetClientId(), created.GetRegistrationAccessToken()
	var shown strings.Builder
	note := func(answer fmt.Stringer, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		shown.WriteString(answer.String())
	}
	note(s.self.GetRegistration(t.Context(), &registryv1.GetRegistrationRequest{ClientId: id, RegistrationAccessToken: token}))
	note(s.gateway.GetClient(t.Context(), &registryv1.GetClientRequest{ClientId: id}))
	note(s.admin.ListClients(t.Context(), &registryv1.ListClientsRequest{}))
	note(s.admin.ListSecrets(t.Context(), &registryv1.ListSecretsRequest{ClientId: id}))
	note(s.admin.ListInitialAccessTokens(t.Context(), &registryv1.ListInitialAccessTokensRequest{}))
	note(s.admin.ListAuditRecords(t.Context(), &registryv1.ListAuditRecordsRequest{}))
	wrong := token[:len(token)-1] + "!"
	_, err = s.self.GetRegistration(t.Context(), &registryv1.GetRegistrationRequest{ClientId: id, RegistrationAccessToken: wrong})
	if !errors.Is(err, oauth.InvalidToken) {
		t.Errorf("GetRegistration(wrong token) = %v, want %v", err, oauth.InvalidToken)
	}
	shown.WriteString(err.Error() + s.log.String())
	for _, text := range []string{made.GetInitialAccessToken(), token, created.GetClientSecret(), wrong} {
		// The body, in case that only its frame is redacted.
		if len(text) < 30 || strings.Contains(shown.String(), text[5:25]) {
			t.Error("a secret is shown again, or is none")
		}
	}
}

// N212: what cannot be fetched cannot change. A URL is no client here.
func TestN211_N212_NoClientIsADocument(t *testing.T) {
	s := selfServiceOnSQLite(t, preset.RegistrationOpen)
	for _, id := range []string{
		"https://client.example/oauth/m.json", "https://client.example/oauth/m.json#x", "https://u@client.example/m.json",
		"https://client.example/m.json?x=1", "https://client.example/./m.json", "https://client.example/%2e/m.json", "https://client.example",
	} {
		if _, err := s.gateway.GetClient(t.Context(), &registryv1.GetClientRequest{ClientId: id}); !errors.Is(err, fault.NotFound) {
			t.Errorf("GetClient(%q) = %v, want %v", id, err, fault.NotFound)
		}
		_, err := s.token.AuthenticateClient(t.Context(), &registryv1.AuthenticateClientRequest{ClientId: id, Method: "none"})
		if !errors.Is(err, oauth.InvalidClient) {
			t.Errorf("AuthenticateClient(%q) = %v, want %v", id, err, oauth.InvalidClient)
		}
	}
}

func TestInitialAccessTokens(t *testing.T) {
	s := selfServiceOnSQLite(t, preset.RegistrationToken)
	made, err := s.admin.CreateInitialAccessToken(t.Context(), &registryv1.CreateInitialAccessTokenRequest{Lifetime: durationpb.New(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	kept, text := made.GetToken(), made.GetInitialAccessToken()
	if kept.GetHint() != text[len(text)-4:] || kept.GetExpireTime().AsTime().Sub(kept.GetCreateTime().AsTime()) != time.Hour {
		t.Errorf("token = %v", kept)
	}
	list, err := s.admin.ListInitialAccessTokens(t.Context(), &registryv1.ListInitialAccessTokensRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*registryv1.InitialAccessToken{kept}, list.GetTokens(), protocmp.Transform()); diff != "" {
		t.Errorf("ListInitialAccessTokens() (-want +got):\n%s", diff)
	}
	revoke := func() error {
		_, err := s.admin.RevokeInitialAccessToken(t.Context(), &registryv1.RevokeInitialAccessTokenRequest{TokenId: kept.GetTokenId()})
		return err
	}
	if err := revoke(); err != nil {
		t.Fatalf("RevokeInitialAccessToken() = %v", err)
	}
	if err := revoke(); !errors.Is(err, fault.NotFound) {
		t.Errorf("RevokeInitialAccessToken() again = %v, want %v", err, fault.NotFound)
	}
	for name, lifetime := range map[string]*durationpb.Duration{
		"negative": durationpb.New(-time.Hour), "too long": durationpb.New(366 * 24 * time.Hour), "malformed": {Seconds: 1, Nanos: -1},
	} {
		if _, err := s.admin.CreateInitialAccessToken(t.Context(), &registryv1.CreateInitialAccessTokenRequest{Lifetime: lifetime}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: CreateInitialAccessToken() = %v, want %v", name, err, fault.Invalid)
		}
	}
	if _, err := s.gateway.CreateInitialAccessToken(t.Context(), &registryv1.CreateInitialAccessTokenRequest{}); !errors.Is(err, fault.Denied) {
		t.Errorf("CreateInitialAccessToken() of the gateway = %v, want %v", err, fault.Denied)
	}
}

// A client that registered itself belongs to no workspace: no developer and no
// directory of apps has it.
func TestDevelopersDoNotSeeRegisteredClients(t *testing.T) {
	stores := registry.NewStores(databasetest.SQLite(t, coherence.Set(), events.Set(), registry.Migrations()))
	o, s := newOffice(t, stores), newSelfService(t, preset.RegistrationOpen, stores)
	id := s.register(t, everyMember()).GetClient().GetClientId()
	for name, call := range map[string]func(context.Context) error{
		"get": func(ctx context.Context) error {
			_, err := o.developer.GetApp(ctx, &registryv1.GetAppRequest{Sub: "u1", ClientId: id})
			return err
		},
		"update": func(ctx context.Context) error {
			app := anApp()
			app.ClientId, app.Revision = id, 1
			_, err := o.developer.UpdateApp(ctx, &registryv1.UpdateAppRequest{Sub: "u1", App: app})
			return err
		},
		"delete": func(ctx context.Context) error {
			_, err := o.developer.DeleteApp(ctx, &registryv1.DeleteAppRequest{Sub: "u1", ClientId: id})
			return err
		},
		"create a secret of": func(ctx context.Context) error {
			_, err := o.developer.CreateAppSecret(ctx, &registryv1.CreateAppSecretRequest{Sub: "u1", ClientId: id})
			return err
		},
		"set the logo of": func(ctx context.Context) error {
			_, err := o.developer.SetAppLogo(ctx, &registryv1.SetAppLogoRequest{Sub: "u1", ClientId: id, Image: aLogo(t, 8)})
			return err
		},
	} {
		if err := call(t.Context()); !errors.Is(err, fault.NotFound) {
			t.Errorf("%s a registered client = %v, want %v", name, err, fault.NotFound)
		}
	}
	own := o.create(t, "u1", o.w1, anApp()).GetApp().GetClientId()
	list, err := o.developer.ListApps(t.Context(), &registryv1.ListAppsRequest{Sub: "u1"})
	if err != nil {
		t.Fatal(err)
	}
	public, err := o.gateway.ListPublicClients(t.Context(), &registryv1.ListPublicClientsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]string{"developers": list.String(), "everybody": public.String()} {
		if strings.Contains(answer, id) || !strings.Contains(answer, own) {
			t.Errorf("%s see %s", name, answer)
		}
	}
}
