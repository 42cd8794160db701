package credential

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/seal"
	sealv1 "github.com/chancery-auth/chancery/proto/chancery/seal/v1"
)

// AuthorizationCode is what a code stands for (RFC 6749 §4.1.2).
type AuthorizationCode struct {
	ID             uuid.UUID // becomes the id of the family that descends from it
	ClientID       string
	Sub            string
	SubjectVersion int64
	GrantID        uuid.UUID
	GrantVersion   int64
	SessionID      uuid.UUID
	RedirectURI    string
	CodeChallenge  string // empty: the client did without PKCE
	Nonce          string
	Scope          oauth.Scope
	Resource       []string
	AuthTime       time.Time
	IssueTime      time.Time
	ExpireTime     time.Time
}

// SealCode returns the code's text. Fails with [ErrTooLong].
func (s *Sealer) SealCode(c AuthorizationCode) (string, error) {
	return s.sealMessage(seal.AuthorizationCode, s.code, &sealv1.AuthorizationCode{
		CodeId: c.ID[:], ClientId: c.ClientID, Sub: c.Sub, SubjectVersion: c.SubjectVersion,
		GrantId: c.GrantID[:], GrantVersion: c.GrantVersion, SessionId: idBytes(c.SessionID),
		RedirectUri: c.RedirectURI, CodeChallenge: c.CodeChallenge, Nonce: c.Nonce,
		Scope: c.Scope.String(), Resource: c.Resource, AuthTime: c.AuthTime.Unix(),
		IssueTime: c.IssueTime.Unix(), ExpireTime: c.ExpireTime.Unix(),
	})
}

// OpenCode is the inverse of [Sealer.SealCode]. It judges no time. Fails with
// [ErrInvalid].
func (s *Sealer) OpenCode(text string) (AuthorizationCode, error) {
	var m sealv1.AuthorizationCode
	if _, _, err := s.openMessage(seal.AuthorizationCode, s.code, text, &m); err != nil {
		return AuthorizationCode{}, err
	}
	id, err1 := uuid.FromBytes(m.GetCodeId())
	grant, err2 := uuid.FromBytes(m.GetGrantId())
	session, err3 := idOf(m.GetSessionId())
	scope, err4 := scopeOf(m.GetScope())
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return AuthorizationCode{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return AuthorizationCode{
		ID: id, ClientID: m.GetClientId(), Sub: m.GetSub(), SubjectVersion: m.GetSubjectVersion(),
		GrantID: grant, GrantVersion: m.GetGrantVersion(), SessionID: session,
		RedirectURI: m.GetRedirectUri(), CodeChallenge: m.GetCodeChallenge(), Nonce: m.GetNonce(),
		Scope: scope, Resource: m.GetResource(), AuthTime: time.Unix(m.GetAuthTime(), 0).UTC(),
		IssueTime: time.Unix(m.GetIssueTime(), 0).UTC(), ExpireTime: time.Unix(m.GetExpireTime(), 0).UTC(),
	}, nil
}
