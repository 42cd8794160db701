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
	"errors"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/authorize/internal/authorization"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

// Config is what the service has to know of the provider.
type Config struct {
	// Issuer is the iss of every answer (RFC 9207), and a known resource.
	Issuer string
	// Resources are the other values of resource that are known (RFC 8707).
	Resources []string
	// Lifetimes has those of PushedRequest, Transaction, SessionIdle and
	// SessionAbsolute.
	Lifetimes preset.Lifetimes
	// OfflineNeedsPrompt leaves offline_access out unless the request has
	// prompt=consent: preset.Refresh.NeedsPromptConsent.
	OfflineNeedsPrompt bool
	// Scopes is every scope there is.
	Scopes preset.Catalogue
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
}

// Service implements authorizev1.AuthorizeServiceServer. It is safe for
// concurrent use.
type Service struct {
	authorizev1.UnimplementedAuthorizeServiceServer

	deps         Deps
	checker      *authreq.Checker
	sessions     *session.Keeper
	requests     *pushed.Keeper
	transactions transaction.Store
	lifetimes    preset.Lifetimes
}

// New returns the service. It starts nothing.
func New(cfg Config, deps Deps) *Service {
	return &Service{
		deps: deps,
		checker: &authreq.Checker{
			Issuer:             cfg.Issuer,
			Resources:          cfg.Resources,
			Scopes:             cfg.Scopes,
			OfflineNeedsPrompt: cfg.OfflineNeedsPrompt,
		},
		sessions: &session.Keeper{
			Sessions: deps.Stores.Sessions,
			Hints:    deps.Hints,
			MaxIdle:  cfg.Lifetimes.SessionIdle,
			Lifetime: cfg.Lifetimes.SessionAbsolute,
		},
		requests:     &pushed.Keeper{Requests: deps.Stores.Requests, Lifetime: cfg.Lifetimes.PushedRequest},
		transactions: deps.Stores.Transactions,
		lifetimes:    cfg.Lifetimes,
	}
}

// Register adds the service to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) { authorizev1.RegisterAuthorizeServiceServer(r, s) }

// Sweep forgets what has expired. It is for calling once a minute or so, by any
// number of replicas.
func (s *Service) Sweep(ctx context.Context) error {
	return errors.Join(
		s.sessions.Sweep(ctx),
		s.deps.Stores.Requests.Sweep(ctx),
		s.transactions.Sweep(ctx),
	)
}

// authorizer returns the use cases for one call, and the peers that they ask.
func (s *Service) authorizer() (*authorization.Authorizer, *peers) {
	p := &peers{registry: s.deps.Registry, directory: s.deps.Directory, consent: s.deps.Consent, token: s.deps.Token}
	return &authorization.Authorizer{
		Checker:      s.checker,
		Sessions:     s.sessions,
		Requests:     s.requests,
		Transactions: s.transactions,
		Lifetime:     s.lifetimes.Transaction,
		Peers:        p,
	}, p
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
	client, err := fromClient(authenticated.GetClient())
	if err != nil {
		return nil, err
	}
	authorizer, _ := s.authorizer()
	requestURI, err := authorizer.Push(ctx, fromParameters(req), client)
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
	authorizer, _ := s.authorizer()
	next, err := authorizer.Start(ctx, request, fromBrowser(req.GetBrowser()))
	if err != nil {
		return nil, err
	}
	return &authorizev1.StartAuthorizationResponse{Next: toStep(next)}, nil
}

// GetInteraction implements AuthorizeService.
func (s *Service) GetInteraction(ctx context.Context, req *authorizev1.GetInteractionRequest) (*authorizev1.GetInteractionResponse, error) {
	authorizer, said := s.authorizer()
	view, err := authorizer.View(ctx, fromPlace(req))
	if err != nil {
		return nil, err
	}
	resp := &authorizev1.GetInteractionResponse{
		Page:        toPage(view.Page),
		Client:      said.client,
		RedirectUri: view.Request.RedirectURI,
		LoginHint:   view.Request.LoginHint,
	}
	switch view.Page {
	case authorization.PageConsent:
		resp.Consent = said.evaluation
		resp.Account = toAccount(said.subject)
	case authorization.PageAccount:
		resp.Account = toAccount(said.subject)
	case authorization.PageSignIn:
	}
	return resp, nil
}

func toAccount(m *directoryv1.Subject) *authorizev1.Account {
	return &authorizev1.Account{Sub: m.GetSub(), Username: m.GetUsername(), Claims: m.GetClaims()}
}

// SignIn implements AuthorizeService.
func (s *Service) SignIn(ctx context.Context, req *authorizev1.SignInRequest) (*authorizev1.SignInResponse, error) {
	authorizer, _ := s.authorizer()
	attempt, signedIn, err := authorizer.SignIn(ctx, fromPlace(req), authorization.Credentials{
		Username: req.GetUsername(),
		Password: secret.Wrap(req.GetPassword()),
	})
	switch {
	case err != nil:
		return nil, err
	case attempt.Throttled:
		return &authorizev1.SignInResponse{
			Outcome:    authorizev1.SignInResponse_OUTCOME_TOO_MANY_ATTEMPTS,
			RetryAfter: durationpb.New(attempt.RetryAfter),
		}, nil
	case attempt.Subject == nil:
		return &authorizev1.SignInResponse{Outcome: authorizev1.SignInResponse_OUTCOME_REFUSED}, nil
	}
	return &authorizev1.SignInResponse{
		Outcome: authorizev1.SignInResponse_OUTCOME_SIGNED_IN,
		Next:    toStep(signedIn.Next),
		Session: signedIn.Cookie.Reveal(),
	}, nil
}

// ChooseAccount implements AuthorizeService.
func (s *Service) ChooseAccount(ctx context.Context, req *authorizev1.ChooseAccountRequest) (*authorizev1.ChooseAccountResponse, error) {
	authorizer, _ := s.authorizer()
	choose := authorizer.SwitchAccount
	if req.GetProceed() {
		choose = authorizer.Proceed
	}
	next, err := choose(ctx, fromPlace(req))
	if err != nil {
		return nil, err
	}
	return &authorizev1.ChooseAccountResponse{Next: toStep(next)}, nil
}

// SubmitConsent implements AuthorizeService.
func (s *Service) SubmitConsent(ctx context.Context, req *authorizev1.SubmitConsentRequest) (*authorizev1.SubmitConsentResponse, error) {
	authorizer, _ := s.authorizer()
	var (
		next authorization.Step
		err  error
	)
	if req.GetAllow() {
		next, err = authorizer.Allow(ctx, fromPlace(req), req.GetWorkspaceIds(), req.GetProjectIds())
	} else {
		next, err = authorizer.Deny(ctx, fromPlace(req))
	}
	if err != nil {
		return nil, err
	}
	return &authorizev1.SubmitConsentResponse{Next: toStep(next)}, nil
}

// CancelAuthorization implements AuthorizeService.
func (s *Service) CancelAuthorization(ctx context.Context, req *authorizev1.CancelAuthorizationRequest) (*authorizev1.CancelAuthorizationResponse, error) {
	authorizer, _ := s.authorizer()
	next, err := authorizer.Deny(ctx, fromPlace(req))
	if err != nil {
		return nil, err
	}
	return &authorizev1.CancelAuthorizationResponse{Next: toStep(next)}, nil
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
