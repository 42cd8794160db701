// Package introspection answers what an access token is good for at this
// moment: to the APIs that receive it (RFC 7662), to who holds it, and, with
// the claims of its subject, to clients (OIDC Core §5.3).
//
// It is the gRPC adapter and decides nothing: that is in internal/inquiry,
// internal/verdict, internal/caller and internal/claims. It owns no table. An
// active answer is never older than the bound of its replica.
package introspection

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/introspection/internal/accesstoken"
	"github.com/chancery-auth/chancery/services/introspection/internal/address"
	"github.com/chancery-auth/chancery/services/introspection/internal/caller"
	"github.com/chancery-auth/chancery/services/introspection/internal/claims"
	"github.com/chancery-auth/chancery/services/introspection/internal/inquiry"
	"github.com/chancery-auth/chancery/services/introspection/internal/resourceset"
	"github.com/chancery-auth/chancery/services/introspection/internal/verdict"
)

// Config is what introspection has to know of the provider.
type Config struct {
	// Issuer is iss, and the audience of a token that names none.
	Issuer string
	// Prefixes tell access tokens from other text.
	Prefixes preset.Prefixes
	// Scopes is every scope there is.
	Scopes preset.Catalogue
	// WorkspaceSlug says whether [Service.Validate] tells the slug of a workspace,
	// which costs a call to the directory for each that is new.
	WorkspaceSlug bool
	// Callers is every API of the platform that introspects by its certificate.
	Callers []PlatformCaller
	// Introspections counts what each client asks that has authenticated, by tokens.
	Introspections ratelimit.Gate
}

// Deps is what introspection stands on.
type Deps struct {
	// Replica knows what was restricted. Somebody else runs it.
	Replica   *coherent.Replica
	Token     tokenv1.TokenServiceClient
	Registry  registryv1.RegistryServiceClient
	Directory directoryv1.DirectoryServiceClient
	Now       func() time.Time
	// Clocks say how long a caller is remembered: those of the replica.
	Clocks coherent.Clocks
	// PeerNames returns the names in the verified certificate of whoever calls.
	// Nil: nobody has one.
	PeerNames func(ctx context.Context) []string
}

// Service implements introspectionv1.IntrospectionServiceServer. It is safe for
// concurrent use.
type Service struct {
	introspectionv1.UnimplementedIntrospectionServiceServer

	issuer    string
	keys      *accesstoken.Keys
	desk      *inquiry.Desk
	claims    *claims.Reader
	slugs     *address.Book // nil: nobody is told
	gate      ratelimit.Gate
	peerNames func(ctx context.Context) []string
	platforms map[string]*caller.Caller // by name
}

// New returns the service. It starts nothing; [Service.Load] comes next.
func New(cfg Config, deps Deps) *Service {
	keys := accesstoken.NewKeys(fetchKeys(cfg, deps.Token), deps.Now)
	desk := &inquiry.Desk{
		Replica: deps.Replica,
		Tokens:  accesstoken.NewOpener(keys),
		Sets:    resourceset.New(fetchResources(deps.Token)),
		Callers: caller.NewRegister(authenticate(deps.Registry), deps.Clocks),
		Holders: caller.NewHolders(findClient(deps.Registry), cfg.Issuer, deps.Now, deps.Clocks),
		Judge:   verdict.NewJudge(cfg.Scopes),
		Issuer:  cfg.Issuer,
		Now:     deps.Now,
	}
	s := &Service{
		issuer:    cfg.Issuer,
		keys:      keys,
		desk:      desk,
		claims:    &claims.Reader{Desk: desk, Find: findSubject(deps.Directory), Scopes: cfg.Scopes, Issuer: cfg.Issuer},
		gate:      cfg.Introspections,
		peerNames: deps.PeerNames,
		platforms: platformsOf(cfg),
	}
	if cfg.WorkspaceSlug {
		s.slugs = address.New(fetchSlug(deps.Directory))
	}
	return s
}

// Register adds the service to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	introspectionv1.RegisterIntrospectionServiceServer(r, s)
}

// Load reads the sealing keys. It is called before serving, and again while it
// fails. Keys that come later are read when a token names one.
func (s *Service) Load(ctx context.Context) error { return s.keys.Load(ctx) }

// Ready says whether requests should be sent here: the keys are loaded, and the
// restrictions are current. One that is not ready still answers what it can.
func (s *Service) Ready() bool { return s.keys.Loaded() && s.desk.Replica.Ready() }

// Introspect implements IntrospectionService.
func (s *Service) Introspect(ctx context.Context, req *introspectionv1.IntrospectRequest) (*introspectionv1.IntrospectResponse, error) {
	if req.GetToken() == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "token is required")
	}
	verdicts, err := s.ask(ctx, req, req.GetToken())
	if err != nil {
		return nil, err
	}
	return s.toAnswer(&verdicts[0]), nil
}

// IntrospectBatch implements IntrospectionService.
func (s *Service) IntrospectBatch(ctx context.Context, req *introspectionv1.IntrospectBatchRequest) (*introspectionv1.IntrospectBatchResponse, error) {
	verdicts, err := s.ask(ctx, req, req.GetTokens()...)
	if err != nil {
		return nil, err
	}
	answers := make([]*introspectionv1.IntrospectResponse, len(verdicts))
	for i := range verdicts {
		answers[i] = s.toAnswer(&verdicts[i])
	}
	return &introspectionv1.IntrospectBatchResponse{Answers: answers}, nil
}

// AdminIntrospect implements IntrospectionService.
func (s *Service) AdminIntrospect(ctx context.Context, req *introspectionv1.AdminIntrospectRequest) (*introspectionv1.AdminIntrospectResponse, error) {
	v, err := s.desk.Look(ctx, req.GetToken())
	if err != nil {
		return nil, err
	}
	return &introspectionv1.AdminIntrospectResponse{Answer: s.toAnswer(&v)}, nil
}

// UserInfo implements IntrospectionService.
func (s *Service) UserInfo(ctx context.Context, req *introspectionv1.UserInfoRequest) (*introspectionv1.UserInfoResponse, error) {
	read, err := s.claims.Read(ctx, req.GetAccessToken())
	if err != nil {
		return nil, err
	}
	answer, err := structpb.NewStruct(read)
	if err != nil {
		return nil, fmt.Errorf("convert claims: %w", err)
	}
	return &introspectionv1.UserInfoResponse{Claims: answer}, nil
}

// Validate implements IntrospectionService.
func (s *Service) Validate(ctx context.Context, req *introspectionv1.ValidateRequest) (*introspectionv1.ValidateResponse, error) {
	v, err := s.desk.Look(ctx, req.GetAccessToken())
	if err != nil {
		return nil, err
	}
	return s.toValidation(ctx, &v)
}
