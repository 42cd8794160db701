package token

import (
	"context"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/token/internal/family"
)

// held is a token that somebody holds: whose it is, and how to end it.
type held struct {
	clientID string
	end      func(context.Context) error
}

// holder is who asks to end a token.
type holder struct {
	clientID      string // as it says, empty when it does not
	authenticated bool
}

// Revoke implements TokenService. The token alone is enough, since whoever holds
// it only gives it up; credentials that are sent must be right all the same.
func (s *Service) Revoke(ctx context.Context, req *tokenv1.RevokeRequest) (*tokenv1.RevokeResponse, error) {
	if req.GetToken() == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "token is missing")
	}
	by := holder{clientID: req.GetClientId(), authenticated: clientauth.Presented(ctx, req)}
	if by.authenticated {
		client, err := s.authenticate(ctx, req, s.deps.Revocations)
		if err != nil {
			return nil, err
		}
		by.clientID = client.GetClientId()
	}
	token, err := s.find(ctx, req.GetToken())
	if err != nil || token == nil {
		return &tokenv1.RevokeResponse{}, err
	}
	if err := s.mayRevoke(ctx, *token, by); err != nil {
		return nil, err
	}
	return &tokenv1.RevokeResponse{}, token.end(ctx)
}

// AdminRevoke implements TokenService.
func (s *Service) AdminRevoke(ctx context.Context, req *tokenv1.AdminRevokeRequest) (*tokenv1.AdminRevokeResponse, error) {
	if req.GetToken() == "" {
		return nil, fault.New(fault.Invalid, "token is missing")
	}
	token, err := s.find(ctx, req.GetToken())
	if err != nil || token == nil {
		return &tokenv1.AdminRevokeResponse{}, err
	}
	return &tokenv1.AdminRevokeResponse{}, token.end(ctx)
}

// mayRevoke refuses a client that the token was not issued to (RFC 7009 §2.1),
// and a bare token of a client that demands authentication.
func (s *Service) mayRevoke(ctx context.Context, token held, by holder) error {
	if by.clientID != "" && by.clientID != token.clientID {
		return oauth.Refuse(oauth.UnauthorizedClient, "token was issued to another client")
	}
	if by.authenticated {
		return nil
	}
	resp, err := s.deps.Registry.GetClient(ctx, &registryv1.GetClientRequest{ClientId: token.clientID})
	if errors.Is(err, fault.NotFound) {
		return nil // its tokens have ended with it
	}
	if err != nil {
		return fmt.Errorf("get client: %w", err)
	}
	if resp.GetClient().GetRequireRevocationAuth() {
		return oauth.Refuse(oauth.InvalidClient, "client authentication is required")
	}
	return nil
}

// find opens a token of either kind; nil for one that is unknown or over, which
// is nothing to revoke (RFC 7009 §2.2). The type hint is not needed: the prefix
// tells the kinds apart.
func (s *Service) find(ctx context.Context, text string) (*held, error) {
	access, err := s.keys.OpenAccessToken(ctx, text)
	switch {
	case err == nil && !s.deps.Now().Before(access.ExpireTime):
		return nil, nil
	case err == nil:
		return &held{access.ClientID, func(ctx context.Context) error { return s.revoker.Revoke(ctx, access) }}, nil
	case !errors.Is(err, credential.ErrInvalid):
		return nil, fmt.Errorf("open access token: %w", err)
	}
	t, err := s.keys.OpenRefreshToken(ctx, text)
	if errors.Is(err, credential.ErrInvalid) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open refresh token: %w", err)
	}
	f, err := s.deps.Stores.Families.Find(ctx, t.FamilyID)
	if errors.Is(err, family.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find family: %w", err)
	}
	return &held{f.ClientID, func(ctx context.Context) error { return s.exchanger.Families.Revoke(ctx, f.ID) }}, nil
}
