// Package token is the token service: the token endpoint (RFC 6749 §3.2), the
// revocation endpoint (RFC 7009), and the owner of codes, refresh families and
// keys.
//
// This package adapts: it takes requests apart, calls one use case each, and
// builds the responses.
package token

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	"github.com/chancery-auth/chancery/pkg/sweep"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/token/internal/code"
	"github.com/chancery-auth/chancery/services/token/internal/exchange"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/issue"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/revocation"
	"github.com/chancery-auth/chancery/services/token/internal/ring"
	"github.com/chancery-auth/chancery/services/token/internal/standing"
)

// Config is what the service needs to know of its provider.
type Config struct {
	// Issuer is the issuer's URL, as tokens name it.
	Issuer string
	Preset preset.Preset
	Keys   Keys
}

// Deps are what the service works with.
type Deps struct {
	Stores    Stores
	KEK       key.Encrypter
	Registry  registryv1.RegistryServiceClient
	Consent   consentv1.ConsentServiceClient
	Directory directoryv1.DirectoryServiceClient
	// Hints may be nil: restrictions then travel by poll alone.
	Hints *coherent.Hints
	// Counters may be nil: nobody counts then.
	Counters Counters
	Now      func() time.Time
	// Log hears of keys that cannot be read or rotated; nil for nobody.
	Log *slog.Logger
	// Exchanges and Revocations count the requests of each client that has
	// authenticated.
	Exchanges, Revocations ratelimit.Gate
}

// Service implements TokenService.
type Service struct {
	tokenv1.UnimplementedTokenServiceServer
	cfg       Config
	deps      Deps
	vault     *key.Vault
	keys      *ring.Ring
	wake      chan struct{}
	exchanger *exchange.Exchanger
	revoker   *revocation.Revoker
}

// New returns a service. Call [Service.Load] before it serves, and [Service.Run]
// while it does.
func New(cfg Config, deps Deps) *Service {
	cfg.Keys = cfg.Keys.orDefault()
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Counters == nil {
		deps.Counters = uncounted{}
	}
	s := &Service{cfg: cfg, deps: deps, wake: make(chan struct{}, 1)}
	s.vault = &key.Vault{
		Keys: deps.Stores.Keys, KEK: deps.KEK, Generate: key.Generate, Life: lives(cfg.Preset.Lifetimes), Hints: deps.Hints,
	}
	s.keys = ring.New(ring.Config{
		Issuer: cfg.Issuer, Prefixes: cfg.Preset.Prefixes, Vault: s.vault, RestoreEpoch: deps.Stores.RestoreEpoch, Now: deps.Now,
	})
	s.revoker = &revocation.Revoker{Tokens: deps.Stores.Revocations, Hints: deps.Hints}
	s.exchanger = newExchanger(cfg, deps, s.keys)
	return s
}

// Register adds the service to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) { tokenv1.RegisterTokenServiceServer(r, s) }

func newExchanger(cfg Config, deps Deps, keys *ring.Ring) *exchange.Exchanger {
	p := cfg.Preset
	owners := remote{preset: p, registry: deps.Registry, consent: deps.Consent, directory: deps.Directory}
	return &exchange.Exchanger{
		Credentials: keys,
		Codes: &code.Redeemer{
			Codes: deps.Stores.Codes, Hints: deps.Hints, Counters: deps.Counters, MaxFamilies: p.Refresh.MaxFamilies,
		},
		Families: &family.Rotator{
			Families: deps.Stores.Families, Grants: owners, Clients: owners, Hints: deps.Hints, Counters: deps.Counters,
		},
		Standings: &standing.Resolver{Source: owners, Catalogue: p.Scopes},
		Issuer: &issue.Issuer{
			URL: cfg.Issuer, Keys: keys, Sets: deps.Stores.Sets, IDTokenLifetime: p.Lifetimes.IDToken,
			Claims: idTokenClaims(p), Now: deps.Now,
		},
		Catalogue: p.Scopes,
		Lifetimes: p.Lifetimes,
		Resources: append([]string{cfg.Issuer}, p.Resources...),
	}
}

// idTokenClaims is the catalogue that opens claims in ID tokens; empty when these
// come from the UserInfo endpoint alone.
func idTokenClaims(p preset.Preset) preset.Catalogue {
	if !p.IDToken.ScopeClaims {
		return nil
	}
	return p.Scopes
}

// Exchange implements TokenService. What every grant type shares is here, in the
// order of RFC 6749 §3.2, so that no grant can forget a step of it.
func (s *Service) Exchange(ctx context.Context, req *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
	authenticated, err := s.authenticate(ctx, req, s.deps.Exchanges)
	if err != nil {
		return nil, err
	}
	c, err := client.Owned(authenticated, s.cfg.Preset)
	if err != nil {
		return nil, err
	}
	result, err := s.exchanger.Exchange(ctx, req.GetGrantType(), c, exchange.Request{
		Code: req.GetCode(), RedirectURI: req.GetRedirectUri(), CodeVerifier: req.GetCodeVerifier(),
		RefreshToken: req.GetRefreshToken(), Scope: req.GetScope(), Resource: req.GetResource(),
	})
	if err != nil {
		return nil, err
	}
	s.deps.Counters.TokensIssued(ctx, req.GetGrantType())
	return &tokenv1.ExchangeResponse{
		AccessToken:  result.AccessToken,
		TokenType:    "Bearer",
		ExpiresIn:    int64(result.ExpiresIn / time.Second),
		RefreshToken: optional(result.RefreshToken),
		IdToken:      optional(result.IDToken),
		Scope:        optional(result.Scope.String()),
	}, nil
}

// authenticate authenticates the client of a request, and counts it. A public client
// is not counted: anybody can come with its name.
func (s *Service) authenticate(ctx context.Context, req clientauth.Request, gate ratelimit.Gate) (*registryv1.Client, error) {
	presented, err := clientauth.Sort(ctx, req)
	if err != nil {
		return nil, err
	}
	resp, err := s.deps.Registry.AuthenticateClient(ctx, presented)
	if err != nil {
		return nil, err
	}
	c := resp.GetClient()
	if client.Public(c) {
		return c, nil
	}
	return c, gate.Take(ctx, c.GetClientId(), 1)
}

// Sweeps returns what need not be kept any more, for deletion.
func (s *Service) Sweeps() []sweep.Table {
	kept := s.deps.Stores
	return slices.Concat(kept.Codes.Sweeps(), kept.Families.Sweeps(), kept.Sets.Sweeps(), kept.Keys.Sweeps())
}

// optional is nil for an empty string, which JSON then leaves out.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
