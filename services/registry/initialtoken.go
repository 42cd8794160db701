package registry

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/pkg/fault"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
)

// CreateInitialAccessToken implements RegistryService.
func (s *Service) CreateInitialAccessToken(ctx context.Context, req *registryv1.CreateInitialAccessTokenRequest) (*registryv1.CreateInitialAccessTokenResponse, error) {
	lifetime, err := parseDuration("lifetime", req.GetLifetime())
	if err != nil {
		return nil, err
	}
	kept, shown, err := s.initialTokens.Create(ctx, lifetime)
	if err != nil {
		return nil, err
	}
	return &registryv1.CreateInitialAccessTokenResponse{Token: toInitialToken(kept), InitialAccessToken: shown.Reveal()}, nil
}

// ListInitialAccessTokens implements RegistryService.
func (s *Service) ListInitialAccessTokens(ctx context.Context, _ *registryv1.ListInitialAccessTokensRequest) (*registryv1.ListInitialAccessTokensResponse, error) {
	list, err := s.initialTokens.List(ctx)
	if err != nil {
		return nil, err
	}
	return &registryv1.ListInitialAccessTokensResponse{Tokens: each(list, toInitialToken)}, nil
}

// RevokeInitialAccessToken implements RegistryService.
func (s *Service) RevokeInitialAccessToken(ctx context.Context, req *registryv1.RevokeInitialAccessTokenRequest) (*registryv1.RevokeInitialAccessTokenResponse, error) {
	id, err := uuid.Parse(req.GetTokenId())
	if err != nil {
		return nil, fault.Because(fault.Invalid, "token_id must be a UUID", err)
	}
	if err := s.initialTokens.Revoke(ctx, id); err != nil {
		return nil, err
	}
	return &registryv1.RevokeInitialAccessTokenResponse{}, nil
}

func toInitialToken(t initialtoken.Token) *registryv1.InitialAccessToken {
	return &registryv1.InitialAccessToken{
		TokenId:    t.ID.String(),
		Hint:       t.Hint,
		CreateTime: timestamppb.New(t.CreateTime),
		ExpireTime: timestamppb.New(t.ExpireTime),
	}
}
