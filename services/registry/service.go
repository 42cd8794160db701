// Package registry owns OAuth clients, their secrets and the scope catalogue,
// authenticates clients for the other services, and shows the audit log.
//
// It is the gRPC adapter and decides nothing: rules are in internal/client,
// internal/app, internal/clientsecret and internal/authentication. Every answer is read from
// the primary, so that what was deleted or revoked a moment ago is gone.
package registry

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry/internal/app"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion"
	"github.com/chancery-auth/chancery/services/registry/internal/authentication"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
)

// Config is what the registry has to know of the provider.
type Config struct {
	// Issuer is the one audience of client assertions, and its origin is no client's.
	Issuer string
	// Demo is the path of the demo at the issuer's origin; empty for no demo.
	Demo string
	// Preset has the scopes, prefixes and lifetimes, and what clients are where
	// they do not say.
	Preset preset.Preset
}

// Deps is what the registry stands on.
type Deps struct {
	Stores Stores
	// Directory knows who administers which workspace.
	Directory directoryv1.DirectoryServiceClient
	// Hints tells the other replicas of restrictions early. Nil tells nobody.
	Hints *coherent.Hints
	Now   func() time.Time
}

// Service implements registryv1.RegistryServiceServer. It is safe for
// concurrent use.
type Service struct {
	registryv1.UnimplementedRegistryServiceServer

	registrar     *client.Registrar
	directory     directory
	origins       *client.Store
	secrets       *clientsecret.Keeper
	authenticator *authentication.Authenticator
	assertions    *assertion.Store
	audit         event.AuditLog
	scopes        *registryv1.ListScopesResponse
	logos         *logo.Store
	developer     *developer
	initialTokens *initialtoken.Keeper
	registration  *registrationService
}

// New returns the service. It starts nothing.
func New(cfg Config, deps Deps) *Service {
	policy := client.PolicyOf(cfg.Preset)
	policy.Issuer, policy.Demo = cfg.Issuer, cfg.Demo
	registrar := &client.Registrar{
		Clients:      deps.Stores.Clients,
		Hints:        deps.Hints,
		Policy:       policy,
		SecretPrefix: cfg.Preset.Prefixes.ClientSecret,
	}
	secrets := &clientsecret.Keeper{
		Secrets: deps.Stores.Secrets,
		Hints:   deps.Hints,
		Prefix:  cfg.Preset.Prefixes.ClientSecret,
	}
	initialTokens := &initialtoken.Keeper{Tokens: deps.Stores.InitialTokens, Prefix: cfg.Preset.Prefixes.InitialAccessToken}
	return &Service{
		registrar: registrar,
		directory: directory{deps.Directory},
		origins:   deps.Stores.Clients,
		secrets:   secrets,
		authenticator: &authentication.Authenticator{
			Clients:    deps.Stores.Clients,
			Secrets:    deps.Stores.Secrets,
			Assertions: deps.Stores.Assertions,
			Issuer:     cfg.Issuer,
			Now:        deps.Now,
		},
		assertions: deps.Stores.Assertions,
		audit:      deps.Stores.Audit,
		scopes:     toScopes(cfg.Preset.Scopes),

		logos: deps.Stores.Logos,
		developer: &developer{desk: &app.Desk{
			Directory: directory{deps.Directory},
			Clients:   registrar,
			Secrets:   secrets,
			Logos:     deps.Stores.Logos,
		}},
		initialTokens: initialTokens,
		registration:  newRegistration(cfg.Preset, registrar, deps.Stores.Secrets, initialTokens),
	}
}

// Register adds the service, and those of developers and of registration, to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	registryv1.RegisterRegistryServiceServer(r, s)
	registryv1.RegisterDeveloperServiceServer(r, s.developer)
	registryv1.RegisterRegistrationServiceServer(r, s.registration)
}

// Load reads what has to be known before clients are made.
func (s *Service) Load(ctx context.Context) error { return s.registrar.Load(ctx) }

// Sweeps returns what has expired, and what nobody names or uses any more, for
// deletion.
func (s *Service) Sweeps() []sweep.Table {
	return slices.Concat(s.assertions.Sweeps(), s.initialTokens.Tokens.Sweeps(), s.registrar.Sweeps(), s.logos.Sweeps())
}

// CreateClient implements RegistryService.
func (s *Service) CreateClient(ctx context.Context, req *registryv1.CreateClientRequest) (*registryv1.CreateClientResponse, error) {
	c, err := fromClient(req.GetClient())
	if err != nil {
		return nil, err
	}
	if err := s.directory.checkOwner(ctx, c.WorkspaceID); err != nil {
		return nil, err
	}
	created, shown, err := s.registrar.Create(ctx, c)
	if err != nil {
		return nil, err
	}
	return &registryv1.CreateClientResponse{Client: toClient(created), ClientSecret: shown.Reveal()}, nil
}

// GetClient implements RegistryService.
func (s *Service) GetClient(ctx context.Context, req *registryv1.GetClientRequest) (*registryv1.GetClientResponse, error) {
	c, err := s.registrar.Find(ctx, req.GetClientId())
	if err != nil {
		return nil, err
	}
	return &registryv1.GetClientResponse{Client: toClient(c)}, nil
}

// ListClients implements RegistryService.
func (s *Service) ListClients(ctx context.Context, req *registryv1.ListClientsRequest) (*registryv1.ListClientsResponse, error) {
	page, next, err := s.registrar.List(ctx, int(req.GetPageSize()), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &registryv1.ListClientsResponse{Clients: each(page, toClient), NextPageToken: next}, nil
}

// UpdateClient implements RegistryService.
func (s *Service) UpdateClient(ctx context.Context, req *registryv1.UpdateClientRequest) (*registryv1.UpdateClientResponse, error) {
	c, err := fromClient(req.GetClient())
	if err != nil {
		return nil, err
	}
	// Which client, and which revision of it: read only for everything else.
	c.ClientID, c.Revision = req.GetClient().GetClientId(), req.GetClient().GetRevision()
	updated, err := s.registrar.Update(ctx, c)
	if err != nil {
		return nil, err
	}
	return &registryv1.UpdateClientResponse{Client: toClient(updated)}, nil
}

// DeleteClient implements RegistryService.
func (s *Service) DeleteClient(ctx context.Context, req *registryv1.DeleteClientRequest) (*registryv1.DeleteClientResponse, error) {
	if err := s.registrar.Delete(ctx, req.GetClientId()); err != nil {
		return nil, err
	}
	return &registryv1.DeleteClientResponse{}, nil
}

// CreateSecret implements RegistryService.
func (s *Service) CreateSecret(ctx context.Context, req *registryv1.CreateSecretRequest) (*registryv1.CreateSecretResponse, error) {
	id, shown, err := s.secrets.Create(ctx, req.GetClientId())
	if err != nil {
		return nil, err
	}
	return &registryv1.CreateSecretResponse{SecretId: id.String(), ClientSecret: shown.Reveal()}, nil
}

// ListSecrets implements RegistryService.
func (s *Service) ListSecrets(ctx context.Context, req *registryv1.ListSecretsRequest) (*registryv1.ListSecretsResponse, error) {
	list, err := s.secrets.List(ctx, req.GetClientId())
	if err != nil {
		return nil, err
	}
	return &registryv1.ListSecretsResponse{Secrets: each(list, toSecret)}, nil
}

// RevokeSecret implements RegistryService.
func (s *Service) RevokeSecret(ctx context.Context, req *registryv1.RevokeSecretRequest) (*registryv1.RevokeSecretResponse, error) {
	id, err := uuid.Parse(req.GetSecretId())
	if err != nil {
		return nil, fault.Because(fault.Invalid, "secret_id must be a UUID", err)
	}
	if err := s.secrets.Revoke(ctx, req.GetClientId(), id); err != nil {
		return nil, err
	}
	return &registryv1.RevokeSecretResponse{}, nil
}

// AuthenticateClient implements RegistryService.
func (s *Service) AuthenticateClient(ctx context.Context, req *registryv1.AuthenticateClientRequest) (*registryv1.AuthenticateClientResponse, error) {
	who, err := s.authenticator.Authenticate(ctx, authentication.Presented{
		ClientID:  req.GetClientId(),
		Method:    req.GetMethod(),
		Secret:    secret.Wrap(req.GetClientSecret()),
		Assertion: req.GetClientAssertion(),
	})
	if err != nil {
		return nil, err
	}
	return &registryv1.AuthenticateClientResponse{Client: toClient(who.Client), SecretId: idText(who.SecretID)}, nil
}

// ListScopes implements RegistryService.
func (s *Service) ListScopes(context.Context, *registryv1.ListScopesRequest) (*registryv1.ListScopesResponse, error) {
	return s.scopes, nil
}

// CheckOrigin implements RegistryService.
func (s *Service) CheckOrigin(ctx context.Context, req *registryv1.CheckOriginRequest) (*registryv1.CheckOriginResponse, error) {
	registered, err := s.origins.HasOrigin(ctx, req.GetOrigin())
	if err != nil {
		return nil, err
	}
	return &registryv1.CheckOriginResponse{Registered: registered}, nil
}
