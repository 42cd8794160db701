package token

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// IssueCode implements TokenService.
func (s *Service) IssueCode(_ context.Context, req *tokenv1.IssueCodeRequest) (*tokenv1.IssueCodeResponse, error) {
	grant, err1 := uuid.Parse(req.GetGrantId())
	session, err2 := uuid.Parse(req.GetSessionId())
	scope, err3 := scopeOf(req.GetScope())
	origin, err4 := originOf(req)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, fault.New(fault.Invalid, "grant_id, session_id, scope, client_identity or workspace_id is malformed")
	}
	issued := s.issueTime(req)
	text, err := s.keys.SealCode(credential.AuthorizationCode{
		ID: uuid.New(), ClientID: req.GetClientId(),
		Sub: req.GetSub(), SubjectVersion: req.GetSubjectVersion(),
		GrantID: grant, Origin: origin, SessionID: session,
		RedirectURI: req.GetRedirectUri(), CodeChallenge: req.GetCodeChallenge(), Nonce: req.GetNonce(),
		Scope: scope, Resource: req.GetResource(), AuthTime: time.Unix(req.GetAuthTime(), 0),
		IssueTime: issued, ExpireTime: issued.Add(s.cfg.Preset.Lifetimes.Code),
	})
	if errors.Is(err, credential.ErrTooLong) {
		return nil, oauth.RefuseBecause(oauth.InvalidRequest, "redirect_uri, nonce, scope and resource are too long together", err)
	}
	if err != nil {
		return nil, err
	}
	return &tokenv1.IssueCodeResponse{Code: text}, nil
}

// issueTime is when the code's life begins, in whole seconds of the database's time:
// the clock of this replica may be wrong.
func (s *Service) issueTime(req *tokenv1.IssueCodeRequest) time.Time {
	if req.GetIssueTime() == 0 {
		return s.keys.DatabaseTime().Truncate(time.Second)
	}
	return time.Unix(req.GetIssueTime(), 0)
}

// originOf is how the client of a code begins.
func originOf(req *tokenv1.IssueCodeRequest) (credential.Origin, error) {
	identity, err := credential.ParseIdentity(req.GetClientIdentity())
	origin := credential.Origin{ClientIdentity: identity, GrantVersion: req.GetGrantVersion()}
	if err != nil || req.GetWorkspaceId() == "" {
		return origin, err
	}
	origin.WorkspaceID, err = uuid.Parse(req.GetWorkspaceId())
	return origin, err
}
