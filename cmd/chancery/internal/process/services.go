package process

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/store"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/telemetry"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/authorize"
	"github.com/chancery-auth/chancery/services/consent"
	"github.com/chancery-auth/chancery/services/directory"
	"github.com/chancery-auth/chancery/services/introspection"
	"github.com/chancery-auth/chancery/services/registry"
	"github.com/chancery-auth/chancery/services/token"
)

// service is what a process knows of each of its services.
type service interface{ Register(r grpc.ServiceRegistrar) }

// loader is a service that has something to read before it serves.
type loader interface {
	Load(ctx context.Context) error
}

// sweeper is a service that keeps rows for a time.
type sweeper interface {
	Sweeps() []sweep.Table
}

// services are those of a process, by role.
type services map[string]service

// parts are what all services of a process share.
type parts struct {
	config  *config.Config
	preset  preset.Preset
	stores  store.Stores
	kek     *kek.Key
	demo    string // see ground
	hints   *coherent.Hints
	replica *coherent.Replica
	// counters may be nil.
	counters *telemetry.Counters
	log      *slog.Logger
	now      func() time.Time
	// conn returns a connection on which the named service calls the others.
	conn func(grpcserve.Caller) grpc.ClientConnInterface
	// peerNames are the names in the certificate of a call's peer.
	peerNames func(context.Context) []string
	limiter   *ratelimit.Limiter
}

// gate counts so many requests a second of one client.
func (p parts) gate(class string, perSecond float64) ratelimit.Gate {
	if p.config.Limits.UnsafeUnlimited {
		return ratelimit.Gate{}
	}
	return ratelimit.Gate{Limiter: p.limiter, Class: ratelimit.Class{Name: class, Rate: rate.Limit(perSecond)}}
}

// newServices makes the services of the roles. None of them calls another before
// it is registered where the connections lead.
func newServices(r roles.Set, p parts) services {
	s := services{}
	for role, construct := range map[string]func(parts) service{
		roles.Registry: newRegistry, roles.Directory: newDirectory, roles.Consent: newConsent,
		roles.Token: newToken, roles.Authorize: newAuthorize, roles.Introspection: newIntrospection,
	} {
		if r.Has(role) {
			s[role] = construct(p)
		}
	}
	return s
}

func newRegistry(p parts) service {
	return registry.New(registry.Config{Issuer: p.config.Issuer, Demo: p.demo, Preset: p.preset}, registry.Deps{
		Stores: p.stores.Registry, Hints: p.hints, Now: p.now,
		Directory: directoryv1.NewDirectoryServiceClient(p.conn(roles.Registry)),
	})
}

func newDirectory(p parts) service {
	return directory.New(directory.Default(), directory.Deps{
		Stores: p.stores.Directory, Hints: p.hints, Log: p.log, Counters: p.counters, EventCounted: p.counters.EventCounted, Now: p.now,
		Registry: registryv1.NewRegistryServiceClient(p.conn(roles.Directory)),
	})
}

func newConsent(p parts) service {
	return consent.New(consent.Config{Catalogue: p.preset.Scopes, Consent: p.preset.Consent}, consent.Deps{
		Stores: p.stores.Consent, Hints: p.hints,
		Directory: directoryv1.NewDirectoryServiceClient(p.conn(roles.Consent)),
	})
}

func newToken(p parts) service {
	conn := p.conn(roles.Token)
	return token.New(token.Config{
		Issuer: p.config.Issuer, Preset: p.preset,
		Keys: token.Keys{RotationPeriod: p.config.Token.Keys.RotationPeriod, PublishLead: p.config.Token.Keys.PublishLead},
	}, token.Deps{
		Stores: p.stores.Token, KEK: p.kek, Hints: p.hints, Counters: p.counters, Now: p.now, Log: p.log,
		Registry:  registryv1.NewRegistryServiceClient(conn),
		Consent:   consentv1.NewConsentServiceClient(conn),
		Directory: directoryv1.NewDirectoryServiceClient(conn),
		Exchanges: p.gate(ratelimit.Token, p.config.Limits.Token), Revocations: p.gate(ratelimit.Revoke, p.config.Limits.Token),
	})
}

func newAuthorize(p parts) service {
	conn := p.conn(roles.Authorize)
	return authorize.New(authorize.Config{Issuer: p.config.Issuer, Preset: p.preset}, authorize.Deps{
		Stores: p.stores.Authorize, Hints: p.hints, Pushes: p.gate(ratelimit.Push, p.config.Limits.PushedRequests),
		Registry:  registryv1.NewRegistryServiceClient(conn),
		Directory: directoryv1.NewDirectoryServiceClient(conn),
		Consent:   consentv1.NewConsentServiceClient(conn),
		Token:     tokenv1.NewTokenServiceClient(conn),
	})
}

func newIntrospection(p parts) service {
	conn := p.conn(roles.Introspection)
	return introspection.New(introspection.Config{
		Issuer: p.config.Issuer, Prefixes: p.preset.Prefixes, Scopes: p.preset.Scopes,
		WorkspaceSlug:  strings.Contains(p.preset.Validate.WorkspaceURL, "{slug}"),
		Callers:        platformCallers(p.config.Introspection.Callers),
		Introspections: p.gate(ratelimit.Introspect, p.config.Limits.Introspect),
	}, introspection.Deps{
		Replica: p.replica, Now: p.now, PeerNames: p.peerNames,
		Clocks:    p.replica.Clocks(),
		Token:     tokenv1.NewTokenServiceClient(conn),
		Registry:  registryv1.NewRegistryServiceClient(conn),
		Directory: directoryv1.NewDirectoryServiceClient(conn),
	})
}

func platformCallers(list []config.Client) []introspection.PlatformCaller {
	callers := make([]introspection.PlatformCaller, len(list))
	for i, c := range list {
		callers[i] = introspection.PlatformCaller{Name: c.Name, Audience: c.Audience}
	}
	return callers
}

// register adds every service to r.
func (s services) register(r grpc.ServiceRegistrar) {
	for _, each := range s {
		each.Register(r)
	}
}

// load prepares the services, the one that has the keys first.
func (s services) load(ctx context.Context) error {
	for _, role := range []string{roles.Token, roles.Introspection} {
		if l, ok := s[role].(loader); ok {
			if err := l.Load(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweeps are the rows of every service that are due for deletion.
func (s services) sweeps() (tables []sweep.Table) {
	for _, each := range s {
		if sw, ok := each.(sweeper); ok {
			tables = append(tables, sw.Sweeps()...)
		}
	}
	return tables
}
