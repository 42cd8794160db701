// Package authorize is the authorization endpoint (RFC 6749 §3.1) without its
// pages, the pushed authorization request endpoint (RFC 9126), and the sign-in
// sessions.
//
// It is the gRPC adapter and decides nothing: the way of a request is in
// internal/authorization, its rules are in internal/authreq. Clients, users,
// consent and codes belong to other services, which it asks each time.
package authorize

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/authorize/internal/authorization"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
)

// Config is what the service has to know of the provider.
type Config struct {
	// Issuer is the iss of every answer (RFC 9207), and a known resource.
	Issuer string
	// Preset is the provider.
	Preset preset.Preset
}

// Deps is what the service stands on. Time comes from the database's clock.
type Deps struct {
	Stores    Stores
	Registry  registryv1.RegistryServiceClient
	Directory directoryv1.DirectoryServiceClient
	Consent   consentv1.ConsentServiceClient
	Token     tokenv1.TokenServiceClient
	// Hints tells the other replicas of restrictions early. Nil tells nobody.
	Hints *coherent.Hints
	// Pushes counts the pushed requests of each client that has authenticated.
	Pushes ratelimit.Gate
}

// Service implements authorizev1.AuthorizeServiceServer. It is safe for
// concurrent use.
type Service struct {
	authorizev1.UnimplementedAuthorizeServiceServer

	deps       Deps
	sessions   *session.Keeper
	peers      peers
	authorizer *authorization.Authorizer
	lifetimes  preset.Lifetimes
}

// New returns the service. It starts nothing.
func New(cfg Config, deps Deps) *Service {
	lifetimes := cfg.Preset.Lifetimes
	s := &Service{
		deps: deps,
		sessions: &session.Keeper{
			Sessions: deps.Stores.Sessions,
			Hints:    deps.Hints,
			MaxIdle:  lifetimes.SessionIdle,
			Lifetime: lifetimes.SessionAbsolute,
		},
		peers: peers{
			preset:   cfg.Preset,
			registry: deps.Registry, directory: deps.Directory, consent: deps.Consent, token: deps.Token,
		},
		lifetimes: lifetimes,
	}
	s.authorizer = &authorization.Authorizer{
		Checker:      newChecker(cfg),
		Sessions:     s.sessions,
		Requests:     &pushed.Keeper{Requests: deps.Stores.Requests, Lifetime: lifetimes.PushedRequest},
		Transactions: deps.Stores.Transactions,
		Lifetime:     lifetimes.Transaction,
		Peers:        s.peers,
	}
	return s
}

func newChecker(cfg Config) *authreq.Checker {
	p := cfg.Preset
	return &authreq.Checker{
		Issuer:         cfg.Issuer,
		Resources:      p.Resources,
		Scopes:         p.Scopes,
		RequiredScope:  p.Authorization.RequiredScope,
		DefaultScope:   p.Authorization.DefaultScope,
		ScopeMandatory: p.Authorization.ScopeMandatory,
		// Where nobody has to ask for it, it is a scope like others.
		OfflineNeedsPrompt: p.Refresh.NeedsPromptConsent && !p.Refresh.Unasked,
	}
}

// Register adds the service to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) { authorizev1.RegisterAuthorizeServiceServer(r, s) }

// Sweeps returns what has expired, for deletion.
func (s *Service) Sweeps() []sweep.Table {
	return slices.Concat(s.sessions.Sweeps(), s.deps.Stores.Requests.Sweeps(), s.deps.Stores.Transactions.Sweeps())
}

// PushAuthorizationRequest implements AuthorizeService.
func (s *Service) PushAuthorizationRequest(ctx context.Context, req *authorizev1.PushAuthorizationRequestRequest) (*authorizev1.PushAuthorizationRequestResponse, error) {
	presented, err := clientauth.Sort(ctx, req)
	if err != nil {
		return nil, err
	}
	authenticated, err := s.deps.Registry.AuthenticateClient(ctx, presented)
	if err != nil {
		return nil, err
	}
	if !client.Public(authenticated.GetClient()) { // anybody can come with the name of a public one
		if err := s.deps.Pushes.Take(ctx, authenticated.GetClient().GetClientId(), 1); err != nil {
			return nil, err
		}
	}
	pushes, err := client.Of(authenticated.GetClient(), s.peers.preset)
	if err != nil {
		return nil, err
	}
	requestURI, err := s.authorizer.Push(ctx, fromParameters(req), pushes)
	if err != nil {
		return nil, err
	}
	return &authorizev1.PushAuthorizationRequestResponse{
		RequestUri: requestURI.Reveal(),
		ExpiresIn:  int64(s.lifetimes.PushedRequest.Seconds()),
	}, nil
}

// StartAuthorization implements AuthorizeService.
func (s *Service) StartAuthorization(ctx context.Context, req *authorizev1.StartAuthorizationRequest) (*authorizev1.StartAuthorizationResponse, error) {
	request := fromParameters(req.GetRequest())
	request.Repeated = req.GetRequest().GetRepeatedParameters()
	next, err := s.authorizer.Start(ctx, request, fromBrowser(req.GetBrowser()))
	if err != nil {
		return nil, err
	}
	return &authorizev1.StartAuthorizationResponse{Next: toStep(next)}, nil
}

// GetInteraction implements AuthorizeService.
func (s *Service) GetInteraction(ctx context.Context, req *authorizev1.GetInteractionRequest) (*authorizev1.GetInteractionResponse, error) {
	view, err := s.authorizer.View(ctx, fromPlace(req))
	if err != nil {
		return nil, err
	}
	resp := &authorizev1.GetInteractionResponse{
		Page:        toPage(view.Page),
		RedirectUri: view.Request.RedirectURI,
		LoginHint:   view.Request.LoginHint,
	}
	if !view.ClientHidden {
		resp.Client = view.Client.Said
	}
	if view.Subject != nil {
		resp.Account = toAccount(*view.Subject)
	}
	if view.Answer != nil {
		resp.Consent, _ = view.Answer.Said.(*consentv1.EvaluateResponse)
		resp.Resource = view.Request.Resource
	}
	return resp, nil
}

// SignIn implements AuthorizeService.
func (s *Service) SignIn(ctx context.Context, req *authorizev1.SignInRequest) (*authorizev1.SignInResponse, error) {
	attempt, signedIn, err := s.authorizer.SignIn(ctx, fromPlace(req), fromCredentials(req))
	if err != nil {
		return nil, err
	}
	resp := &authorizev1.SignInResponse{Session: signedIn.Cookie.Reveal(), Device: attempt.Device.Reveal()}
	resp.Outcome, resp.RetryAfter = toOutcome(attempt)
	if attempt.Subject != nil {
		resp.Next = toStep(signedIn.Next)
	}
	return resp, nil
}

// ChooseAccount implements AuthorizeService.
func (s *Service) ChooseAccount(ctx context.Context, req *authorizev1.ChooseAccountRequest) (*authorizev1.ChooseAccountResponse, error) {
	choose := s.authorizer.SwitchAccount
	if req.GetProceed() {
		choose = s.authorizer.Proceed
	}
	next, err := choose(ctx, fromPlace(req))
	if err != nil {
		return nil, err
	}
	return &authorizev1.ChooseAccountResponse{Next: toStep(next)}, nil
}

// SubmitConsent implements AuthorizeService.
func (s *Service) SubmitConsent(ctx context.Context, req *authorizev1.SubmitConsentRequest) (*authorizev1.SubmitConsentResponse, error) {
	var (
		next authorization.Step
		err  error
	)
	if req.GetAllow() {
		next, err = s.authorizer.Allow(ctx, fromPlace(req), req.GetWorkspaceIds(), req.GetProjectIds())
	} else {
		next, err = s.authorizer.Deny(ctx, fromPlace(req))
	}
	if err != nil {
		return nil, err
	}
	return &authorizev1.SubmitConsentResponse{Next: toStep(next)}, nil
}

// CancelAuthorization implements AuthorizeService.
func (s *Service) CancelAuthorization(ctx context.Context, req *authorizev1.CancelAuthorizationRequest) (*authorizev1.CancelAuthorizationResponse, error) {
	next, err := s.authorizer.Deny(ctx, fromPlace(req))
	if err != nil {
		return nil, err
	}
	return &authorizev1.CancelAuthorizationResponse{Next: toStep(next)}, nil
}

// GetSession implements AuthorizeService.
func (s *Service) GetSession(ctx context.Context, req *authorizev1.GetSessionRequest) (*authorizev1.GetSessionResponse, error) {
	current, subject, err := s.authorizer.Current(ctx, fromBrowser(req.GetBrowser()))
	if err != nil {
		return nil, err
	}
	return &authorizev1.GetSessionResponse{Session: toSession(current), Account: toAccount(subject)}, nil
}

// OpenSession implements AuthorizeService.
func (s *Service) OpenSession(ctx context.Context, req *authorizev1.OpenSessionRequest) (*authorizev1.OpenSessionResponse, error) {
	attempt, cookie, err := s.authorizer.OpenSession(ctx, fromBrowser(req.GetBrowser()), fromCredentials(req))
	if err != nil {
		return nil, err
	}
	resp := &authorizev1.OpenSessionResponse{Session: cookie.Reveal(), Device: attempt.Device.Reveal()}
	resp.Outcome, resp.RetryAfter = toOutcome(attempt)
	return resp, nil
}

// ChangePassword implements AuthorizeService.
func (s *Service) ChangePassword(ctx context.Context, req *authorizev1.ChangePasswordRequest) (*authorizev1.ChangePasswordResponse, error) {
	attempt, cookie, err := s.authorizer.ChangePassword(ctx, fromBrowser(req.GetBrowser()),
		authorization.Credentials{Password: secret.Wrap(req.GetPassword())}, secret.Wrap(req.GetNewPassword()))
	if err != nil {
		return nil, err
	}
	resp := &authorizev1.ChangePasswordResponse{Session: cookie.Reveal(), Device: attempt.Device.Reveal()}
	resp.Outcome, resp.RetryAfter = toOutcome(attempt)
	return resp, nil
}

// ListSessions implements AuthorizeService.
func (s *Service) ListSessions(ctx context.Context, req *authorizev1.ListSessionsRequest) (*authorizev1.ListSessionsResponse, error) {
	list, err := s.sessions.List(ctx, req.GetSub())
	if err != nil {
		return nil, err
	}
	resp := &authorizev1.ListSessionsResponse{}
	for _, found := range list {
		resp.Sessions = append(resp.Sessions, toSession(found))
	}
	return resp, nil
}

// EndSession implements AuthorizeService.
func (s *Service) EndSession(ctx context.Context, req *authorizev1.EndSessionRequest) (*authorizev1.EndSessionResponse, error) {
	id, err := uuid.Parse(req.GetSessionId())
	if err != nil {
		return nil, fault.Because(fault.Invalid, "session_id must be a UUID", err)
	}
	if err := s.sessions.End(ctx, id); err != nil {
		return nil, err
	}
	return &authorizev1.EndSessionResponse{}, nil
}
