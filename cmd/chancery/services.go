package main

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/preset"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/authorize"
	"github.com/chancery-auth/chancery/services/consent"
	"github.com/chancery-auth/chancery/services/directory"
	"github.com/chancery-auth/chancery/services/introspection"
	"github.com/chancery-auth/chancery/services/registry"
	"github.com/chancery-auth/chancery/services/token"
)

// migrationSets are the schemas of everything that keeps something.
func migrationSets() []migrate.Set {
	return []migrate.Set{
		migrations.Set(),
		registry.Migrations(), directory.Migrations(), consent.Migrations(),
		token.Migrations(), authorize.Migrations(),
	}
}

// services are the six, joined by the connections that they are given.
type services struct {
	registry      *registry.Service
	directory     *directory.Service
	consent       *consent.Service
	token         *token.Service
	authorize     *authorize.Service
	introspection *introspection.Service
}

// parts are what all services of a process share.
type parts struct {
	issuer  string
	preset  preset.Preset
	stores  stores
	kek     *kek.Key
	hints   *coherent.Hints
	replica *coherent.Replica
	log     *slog.Logger
	now     func() time.Time
	// conn returns a connection on which the named service calls the others.
	conn func(grpcserve.Caller) grpc.ClientConnInterface
}

// newServices makes the six services. None of them calls another before it is
// registered where the connections lead.
func newServices(p parts) services {
	return services{
		registry: registry.New(registry.Config{
			Issuer: p.issuer, Brand: p.preset.Brand.Name, ClientSecretPrefix: p.preset.Prefixes.ClientSecret,
			Scopes: p.preset.Scopes, RefreshAbsolute: p.preset.Lifetimes.RefreshAbsolute,
		}, registry.Deps{Stores: p.stores.registry, Hints: p.hints, Now: p.now}),
		directory: directory.New(directory.Default(), directory.Deps{Stores: p.stores.directory, Hints: p.hints}),
		consent: consent.New(consent.Config{Catalogue: p.preset.Scopes, Consent: p.preset.Consent}, consent.Deps{
			Stores: p.stores.consent, Hints: p.hints,
			Directory: directoryv1.NewDirectoryServiceClient(p.conn("consent")),
		}),
		token: token.New(token.Config{Issuer: p.issuer, Preset: p.preset}, token.Deps{
			Stores: p.stores.token, KEK: p.kek, Hints: p.hints, Now: p.now,
			Registry:  registryv1.NewRegistryServiceClient(p.conn("token")),
			Consent:   consentv1.NewConsentServiceClient(p.conn("token")),
			Directory: directoryv1.NewDirectoryServiceClient(p.conn("token")),
		}),
		authorize: authorize.New(authorize.Config{
			Issuer: p.issuer, Resources: p.preset.Resources, Lifetimes: p.preset.Lifetimes,
			OfflineNeedsPrompt: p.preset.Refresh.NeedsPromptConsent, Scopes: p.preset.Scopes,
		}, authorize.Deps{
			Stores: p.stores.authorize, Hints: p.hints,
			Registry:  registryv1.NewRegistryServiceClient(p.conn("authorize")),
			Directory: directoryv1.NewDirectoryServiceClient(p.conn("authorize")),
			Consent:   consentv1.NewConsentServiceClient(p.conn("authorize")),
			Token:     tokenv1.NewTokenServiceClient(p.conn("authorize")),
		}),
		introspection: introspection.New(introspection.Config{
			Issuer: p.issuer, Prefixes: p.preset.Prefixes, Scopes: p.preset.Scopes,
		}, introspection.Deps{
			Replica: p.replica, Now: p.now,
			Token:     tokenv1.NewTokenServiceClient(p.conn("introspection")),
			Registry:  registryv1.NewRegistryServiceClient(p.conn("introspection")),
			Directory: directoryv1.NewDirectoryServiceClient(p.conn("introspection")),
		}),
	}
}

// register adds every service to r.
func (s services) register(r grpc.ServiceRegistrar) {
	s.registry.Register(r)
	s.directory.Register(r)
	s.consent.Register(r)
	s.token.Register(r)
	s.authorize.Register(r)
	s.introspection.Register(r)
}

// load prepares the services that have keys.
func (s services) load(ctx context.Context) error {
	if err := s.token.Load(ctx); err != nil {
		return err
	}
	return s.introspection.Load(ctx)
}

// sweeps forget what is over, one for each service that keeps something.
func (s services) sweeps() []func(context.Context) error {
	return []func(context.Context) error{
		s.registry.Sweep, s.directory.Sweep, s.token.Sweep, s.authorize.Sweep,
	}
}

// edgeClients are the services as the gateway calls them.
type edgeClients struct {
	authorize     authorizev1.AuthorizeServiceClient
	token         tokenv1.TokenServiceClient
	introspection introspectionv1.IntrospectionServiceClient
	registry      registryv1.RegistryServiceClient
	conn          grpc.ClientConnInterface
}

func newEdgeClients(conn grpc.ClientConnInterface) edgeClients {
	return edgeClients{
		authorize:     authorizev1.NewAuthorizeServiceClient(conn),
		token:         tokenv1.NewTokenServiceClient(conn),
		introspection: introspectionv1.NewIntrospectionServiceClient(conn),
		registry:      registryv1.NewRegistryServiceClient(conn),
		conn:          conn,
	}
}
