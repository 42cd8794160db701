package credential

import (
	"crypto/sha256"
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
	Origin         Origin
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

// Origin is how a client began. What was allowed later, or to it as another, is not
// for what descends from that.
type Origin struct {
	// ClientIdentity is as what the client came. Zero: the release before has not
	// noted it.
	ClientIdentity [sha256.Size]byte
	GrantVersion   int64
	// WorkspaceID is the chosen workspace, where exactly one is to be chosen; else
	// nil.
	WorkspaceID uuid.UUID
}

// IdentityBytes is the identity as it is kept, nil for none.
func (o Origin) IdentityBytes() []byte {
	if o.ClientIdentity == [sha256.Size]byte{} {
		return nil
	}
	return o.ClientIdentity[:]
}

// ParseIdentity is the inverse of [Origin.IdentityBytes].
func ParseIdentity(b []byte) (identity [sha256.Size]byte, err error) {
	if len(b) == 0 {
		return identity, nil
	}
	if copy(identity[:], b) != len(identity) || len(b) != len(identity) {
		return identity, errors.New("an identity has 32 bytes")
	}
	return identity, nil
}

// SealCode returns the code's text. Fails with [ErrTooLong].
func (s *Sealer) SealCode(c AuthorizationCode) (string, error) {
	return s.sealMessage(seal.AuthorizationCode, s.code, &sealv1.AuthorizationCode{
		CodeId: c.ID[:], ClientId: c.ClientID, Sub: c.Sub, SubjectVersion: c.SubjectVersion,
		GrantId: c.GrantID[:], GrantVersion: c.Origin.GrantVersion, SessionId: idBytes(c.SessionID),
		ClientIdentity: c.Origin.IdentityBytes(), WorkspaceId: idBytes(c.Origin.WorkspaceID),
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
	identity, err5 := ParseIdentity(m.GetClientIdentity())
	workspace, err6 := idOf(m.GetWorkspaceId())
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return AuthorizationCode{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return AuthorizationCode{
		ID: id, ClientID: m.GetClientId(), Sub: m.GetSub(), SubjectVersion: m.GetSubjectVersion(),
		GrantID: grant, SessionID: session,
		Origin:      Origin{ClientIdentity: identity, GrantVersion: m.GetGrantVersion(), WorkspaceID: workspace},
		RedirectURI: m.GetRedirectUri(), CodeChallenge: m.GetCodeChallenge(), Nonce: m.GetNonce(),
		Scope: scope, Resource: m.GetResource(), AuthTime: time.Unix(m.GetAuthTime(), 0).UTC(),
		IssueTime: time.Unix(m.GetIssueTime(), 0).UTC(), ExpireTime: time.Unix(m.GetExpireTime(), 0).UTC(),
	}, nil
}
