// Package token is the token service: the token endpoint (RFC 6749 §3.2), the
// revocation endpoint (RFC 7009), and the owner of codes, refresh families and
// keys.
//
// This package adapts: it takes requests apart, calls one use case each, and
// builds the responses.
package token

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/seal"
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
	"github.com/chancery-auth/chancery/services/token/internal/standing"
)

// Config is what the service needs to know of its provider.
type Config struct {
	// Issuer is the issuer's URL, as tokens name it.
	Issuer string
	Preset preset.Preset
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
	Now   func() time.Time
}

// Service implements TokenService.
type Service struct {
	tokenv1.UnimplementedTokenServiceServer
	cfg    Config
	deps   Deps
	loaded atomic.Pointer[loaded]
}

// loaded is everything that is made from the keys.
type loaded struct {
	keys        key.Keys
	jwks        []byte
	credentials *credential.Sealer
	exchanger   *exchange.Exchanger
	revoker     *revocation.Revoker
}

// New returns a service. Call [Service.Load] before it serves.
func New(cfg Config, deps Deps) *Service { return &Service{cfg: cfg, deps: deps} }

// Register adds the service to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) { tokenv1.RegisterTokenServiceServer(r, s) }

// Load reads the keys, and makes them when there are none yet.
func (s *Service) Load(ctx context.Context) error {
	vault := key.Vault{Keys: s.deps.Stores.Keys, KEK: s.deps.KEK, Generate: key.Generate}
	keys, err := vault.Open(ctx)
	if err != nil {
		return err
	}
	ring, err := seal.NewRing(s.cfg.Issuer, keys.Primary, keys.Sealing...)
	if err != nil {
		return fmt.Errorf("make key ring: %w", err)
	}
	document, err := keys.Signing.Public()
	if err != nil {
		return fmt.Errorf("make key set: %w", err)
	}
	epoch, err := s.deps.Stores.RestoreEpoch(ctx)
	if err != nil {
		return fmt.Errorf("read restore epoch: %w", err)
	}
	l := &loaded{keys: keys, jwks: document, credentials: credential.NewSealer(ring, s.cfg.Preset.Prefixes)}
	l.revoker = &revocation.Revoker{Tokens: s.deps.Stores.Revocations, Hints: s.deps.Hints}
	l.exchanger = s.newExchanger(l.credentials, keys.Signing, epoch)
	s.loaded.Store(l)
	return nil
}

func (s *Service) newExchanger(sealer *credential.Sealer, signing *jwks.Set, epoch int64) *exchange.Exchanger {
	p := s.cfg.Preset
	owners := remote{consent: s.deps.Consent, directory: s.deps.Directory}
	return &exchange.Exchanger{
		Credentials: sealer,
		Codes:       &code.Redeemer{Codes: s.deps.Stores.Codes, Hints: s.deps.Hints, MaxFamilies: p.Refresh.MaxFamilies},
		Families:    &family.Rotator{Families: s.deps.Stores.Families, Grants: owners, Hints: s.deps.Hints},
		Standings:   &standing.Resolver{Source: owners, Catalogue: p.Scopes},
		Issuer: &issue.Issuer{
			URL: s.cfg.Issuer, Credentials: sealer, Signing: signing, Sets: s.deps.Stores.Sets,
			Lifetimes: p.Lifetimes, RestoreEpoch: epoch, Now: s.deps.Now,
		},
		Catalogue: p.Scopes,
		Lifetimes: p.Lifetimes,
		Resources: append([]string{s.cfg.Issuer}, p.Resources...),
	}
}

// Exchange implements TokenService. What every grant type shares is here, in the
// order of RFC 6749 §3.2, so that no grant can forget a step of it.
func (s *Service) Exchange(ctx context.Context, req *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
	client, err := s.authenticate(ctx, req)
	if err != nil {
		return nil, err
	}
	c, err := clientOf(client, s.cfg.Preset)
	if err != nil {
		return nil, err
	}
	result, err := s.loaded.Load().exchanger.Exchange(ctx, req.GetGrantType(), c, exchange.Request{
		Code: req.GetCode(), RedirectURI: req.GetRedirectUri(), CodeVerifier: req.GetCodeVerifier(),
		RefreshToken: req.GetRefreshToken(), Scope: req.GetScope(), Resource: req.GetResource(),
	})
	if err != nil {
		return nil, err
	}
	return &tokenv1.ExchangeResponse{
		AccessToken:  result.AccessToken,
		TokenType:    "Bearer",
		ExpiresIn:    int64(result.ExpiresIn / time.Second),
		RefreshToken: optional(result.RefreshToken),
		IdToken:      optional(result.IDToken),
		Scope:        optional(result.Scope.String()),
	}, nil
}

// authenticate authenticates the client of a request.
func (s *Service) authenticate(ctx context.Context, req clientauth.Request) (*registryv1.Client, error) {
	presented, err := clientauth.Sort(ctx, req)
	if err != nil {
		return nil, err
	}
	resp, err := s.deps.Registry.AuthenticateClient(ctx, presented)
	if err != nil {
		return nil, err
	}
	return resp.GetClient(), nil
}

// Sweep forgets what is over.
func (s *Service) Sweep(ctx context.Context) error {
	for _, sweep := range []func(context.Context) error{
		s.deps.Stores.Codes.Sweep, s.deps.Stores.Families.Sweep, s.deps.Stores.Sets.Sweep,
	} {
		if err := sweep(ctx); err != nil {
			return err
		}
	}
	return nil
}

// optional is nil for an empty string, which JSON then leaves out.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
