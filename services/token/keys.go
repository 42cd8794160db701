package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/api/httpbody"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset"
)

// GetJwks implements TokenService.
func (s *Service) GetJwks(context.Context, *tokenv1.GetJwksRequest) (*httpbody.HttpBody, error) {
	return &httpbody.HttpBody{ContentType: "application/json", Data: s.loaded.Load().jwks}, nil
}

// GetKeySet implements TokenService.
func (s *Service) GetKeySet(context.Context, *tokenv1.GetKeySetRequest) (*tokenv1.GetKeySetResponse, error) {
	keys := s.loaded.Load().keys
	resp := &tokenv1.GetKeySetResponse{PrimaryKeyId: keys.Primary}
	for _, k := range keys.Sealing {
		resp.Keys = append(resp.Keys, &tokenv1.GetKeySetResponse_SealingKey{KeyId: k.ID, Root: k.Root[:]})
	}
	return resp, nil
}

// GetResources implements TokenService.
func (s *Service) GetResources(ctx context.Context, req *tokenv1.GetResourcesRequest) (*tokenv1.GetResourcesResponse, error) {
	var digest resourceset.Digest
	if copy(digest[:], req.GetDigest()) != len(digest) || len(req.GetDigest()) != len(digest) {
		return nil, fault.New(fault.Invalid, "digest must have 32 bytes")
	}
	set, err := s.deps.Stores.Sets.Find(ctx, digest)
	if errors.Is(err, resourceset.ErrNotFound) {
		return nil, fault.Because(fault.NotFound, "there is no such set of resources", err)
	}
	if err != nil {
		return nil, fmt.Errorf("find resource set: %w", err)
	}
	return &tokenv1.GetResourcesResponse{Resources: set}, nil
}

// IssueCode implements TokenService.
func (s *Service) IssueCode(_ context.Context, req *tokenv1.IssueCodeRequest) (*tokenv1.IssueCodeResponse, error) {
	grant, err1 := uuid.Parse(req.GetGrantId())
	session, err2 := uuid.Parse(req.GetSessionId())
	scope, err3 := scopeOf(req.GetScope())
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fault.New(fault.Invalid, "grant_id, session_id or scope is malformed")
	}
	now := s.deps.Now().Truncate(time.Second)
	text, err := s.loaded.Load().credentials.SealCode(credential.AuthorizationCode{
		ID: uuid.New(), ClientID: req.GetClientId(),
		Sub: req.GetSub(), SubjectVersion: req.GetSubjectVersion(),
		GrantID: grant, GrantVersion: req.GetGrantVersion(), SessionID: session,
		RedirectURI: req.GetRedirectUri(), CodeChallenge: req.GetCodeChallenge(), Nonce: req.GetNonce(),
		Scope: scope, Resource: req.GetResource(), AuthTime: time.Unix(req.GetAuthTime(), 0),
		IssueTime: now, ExpireTime: now.Add(s.cfg.Preset.Lifetimes.Code),
	})
	if errors.Is(err, credential.ErrTooLong) {
		return nil, oauth.RefuseBecause(oauth.InvalidRequest, "redirect_uri, nonce, scope and resource are too long together", err)
	}
	if err != nil {
		return nil, err
	}
	return &tokenv1.IssueCodeResponse{Code: text}, nil
}
