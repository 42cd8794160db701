// Package consent owns grants: what a subject has allowed a client. It says when
// a subject is asked, checks what is shared, and takes it back.
//
// It is the gRPC adapter and decides nothing: rules are in internal/grant. Every
// answer is read from the primary, so that what was revoked a moment ago is gone.
package consent

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sweep"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

// Config is what the consent service has to know of the provider.
type Config struct {
	// Catalogue is every scope there is.
	Catalogue preset.Catalogue
	// Consent is the policy of the consent page.
	Consent preset.Consent
}

// Deps is what the consent service stands on.
type Deps struct {
	Stores Stores
	// Directory knows what subjects may share.
	Directory directoryv1.DirectoryServiceClient
	// Hints tells the other replicas of restrictions early. Nil tells nobody.
	Hints *coherent.Hints
}

// Service implements consentv1.ConsentServiceServer. It is safe for concurrent
// use.
type Service struct {
	consentv1.UnimplementedConsentServiceServer

	scopes    preset.Catalogue
	policy    preset.Consent
	evaluator *grant.Evaluator
	keeper    *grant.Keeper
}

// New returns the service. It starts nothing.
func New(cfg Config, deps Deps) *Service {
	shareable := directory{deps.Directory}
	return &Service{
		scopes: cfg.Catalogue,
		policy: cfg.Consent,
		evaluator: &grant.Evaluator{
			Grants:    deps.Stores.Grants,
			Directory: shareable,
			Scopes:    cfg.Catalogue,
			Policy:    cfg.Consent,
		},
		keeper: &grant.Keeper{
			Grants:    deps.Stores.Grants,
			Directory: shareable,
			Hints:     deps.Hints,
			Scopes:    cfg.Catalogue,
			Policy:    cfg.Consent,
		},
	}
}

// Sweeps returns the grants that were revoked long ago, for deletion.
func (s *Service) Sweeps() []sweep.Table { return s.keeper.Grants.Sweeps() }

// Register adds the service to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) { consentv1.RegisterConsentServiceServer(r, s) }

// Evaluate implements ConsentService.
func (s *Service) Evaluate(ctx context.Context, req *consentv1.EvaluateRequest) (*consentv1.EvaluateResponse, error) {
	asks, err := client.Of(req.GetClient(), preset.Preset{})
	if err != nil {
		return nil, err
	}
	e, err := s.evaluator.Evaluate(ctx, grant.Request{
		Sub:           req.GetSub(),
		Client:        asks,
		Scope:         req.GetScope(),
		RedirectURI:   req.GetRedirectUri(),
		Audiences:     req.GetResource(),
		PromptConsent: req.GetPromptConsent(),
	})
	if err != nil {
		return nil, err
	}
	return s.toEvaluation(e), nil
}

// RecordGrant implements ConsentService.
func (s *Service) RecordGrant(ctx context.Context, req *consentv1.RecordGrantRequest) (*consentv1.RecordGrantResponse, error) {
	as := grant.IdentityOf(req.GetClientName(), req.GetWorkspaceId(), req.GetRedirectUri())
	g, err := s.keeper.Record(ctx, grant.Consent{
		Sub:       req.GetSub(),
		ClientID:  req.GetClientId(),
		Scope:     req.GetScope(),
		Audiences: req.GetResource(),
		Picked:    grant.Picked{WorkspaceIDs: req.GetWorkspaceIds(), ProjectIDs: req.GetProjectIds()},
		Identity:  as,
		ByPolicy:  req.GetByPolicy(),
	})
	if err != nil {
		return nil, err
	}
	recorded := &consentv1.RecordGrantResponse{Grant: s.toGrant(g), ClientIdentity: as[:]}
	if ids := req.GetWorkspaceIds(); s.policy.SingleWorkspace && len(ids) == 1 {
		recorded.WorkspaceId = ids[0]
	}
	return recorded, nil
}

// UseGrant implements ConsentService.
func (s *Service) UseGrant(ctx context.Context, req *consentv1.UseGrantRequest) (*consentv1.UseGrantResponse, error) {
	id, err := grantID(req.GetGrantId())
	if err != nil {
		return nil, err
	}
	claim, err := fromUse(req)
	if err != nil {
		return nil, err
	}
	g, y, err := s.keeper.Use(ctx, id, claim)
	if err != nil {
		return nil, err
	}
	used := &consentv1.UseGrantResponse{ClientId: g.ClientID, Sub: g.Sub, Version: g.Version, Scope: y.Scope.String()}
	used.Workspaces, used.Projects = toShared(y.Resources)
	return used, nil
}

// GetGrant implements ConsentService.
func (s *Service) GetGrant(ctx context.Context, req *consentv1.GetGrantRequest) (*consentv1.GetGrantResponse, error) {
	id, err := grantID(req.GetGrantId())
	if err != nil {
		return nil, err
	}
	if req.GetMinting() { //nolint:staticcheck // the release before still asks so
		g, _, err := s.keeper.Use(ctx, id, grant.Claim{})
		if err != nil {
			return nil, err
		}
		return &consentv1.GetGrantResponse{Grant: toFormer(g, g.AsFormer(s.scopes))}, nil
	}
	g, err := s.keeper.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	return &consentv1.GetGrantResponse{Grant: s.toWholeGrant(g)}, nil
}

// ListGrants implements ConsentService.
func (s *Service) ListGrants(ctx context.Context, req *consentv1.ListGrantsRequest) (*consentv1.ListGrantsResponse, error) {
	if err := checkSubject(ctx, req.GetSub()); err != nil {
		return nil, err
	}
	page, next, err := s.keeper.List(ctx,
		grant.Filter{Sub: req.GetSub(), ClientID: req.GetClientId()},
		grant.Page{Size: int(req.GetPageSize()), Token: req.GetPageToken()})
	if err != nil {
		return nil, err
	}
	return &consentv1.ListGrantsResponse{Grants: each(page, s.toWholeGrant), NextPageToken: next}, nil
}

// DescribeGrants implements ConsentService.
func (s *Service) DescribeGrants(ctx context.Context, req *consentv1.DescribeGrantsRequest) (*consentv1.DescribeGrantsResponse, error) {
	page, next, err := s.evaluator.Describe(ctx, req.GetSub(), grant.Page{Size: int(req.GetPageSize()), Token: req.GetPageToken()})
	if err != nil {
		return nil, err
	}
	return &consentv1.DescribeGrantsResponse{Grants: each(page, s.toDescription), NextPageToken: next}, nil
}

// DescribeGrant implements ConsentService.
func (s *Service) DescribeGrant(ctx context.Context, req *consentv1.DescribeGrantRequest) (*consentv1.DescribeGrantResponse, error) {
	id, err := grantID(req.GetGrantId())
	if err != nil {
		return nil, err
	}
	d, err := s.evaluator.DescribeOne(ctx, id, req.GetSub())
	if err != nil {
		return nil, err
	}
	return &consentv1.DescribeGrantResponse{Grant: s.toDescription(d)}, nil
}

// UpdateGrantResources implements ConsentService.
func (s *Service) UpdateGrantResources(ctx context.Context, req *consentv1.UpdateGrantResourcesRequest) (*consentv1.UpdateGrantResourcesResponse, error) {
	id, err := grantID(req.GetGrantId())
	if err != nil {
		return nil, err
	}
	has, err := client.Of(req.GetClient(), preset.Preset{})
	if err != nil {
		return nil, err
	}
	g, err := s.keeper.Share(ctx, id, req.GetSub(), has, grant.Selection{
		Picked: grant.Picked{WorkspaceIDs: req.GetWorkspaceIds(), ProjectIDs: req.GetProjectIds()},
		Scopes: req.GetScopes(),
	})
	if err != nil {
		return nil, err
	}
	return &consentv1.UpdateGrantResourcesResponse{Grant: s.toGrant(g)}, nil
}

// RevokeGrant implements ConsentService.
func (s *Service) RevokeGrant(ctx context.Context, req *consentv1.RevokeGrantRequest) (*consentv1.RevokeGrantResponse, error) {
	id, err := grantID(req.GetGrantId())
	if err != nil {
		return nil, err
	}
	if err := checkSubject(ctx, req.GetSub()); err != nil {
		return nil, err
	}
	if err := s.keeper.Revoke(ctx, id, req.GetSub(), fromReason(req.GetReason())); err != nil {
		return nil, err
	}
	return &consentv1.RevokeGrantResponse{}, nil
}

// checkSubject has the gateway say for whom it asks: it speaks for the user of one
// browser, and what it leaves out would be everybody's.
func checkSubject(ctx context.Context, sub string) error {
	if caller, _ := grpcserve.CallerOf(ctx); caller == grpcserve.Gateway && sub == "" {
		return fault.New(fault.Invalid, "sub is required")
	}
	return nil
}

func grantID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.UUID{}, fault.Because(fault.Invalid, "grant_id must be a UUID", err)
	}
	return id, nil
}
