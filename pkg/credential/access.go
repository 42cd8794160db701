package credential

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/seal"
	sealv1 "github.com/chancery-auth/chancery/proto/chancery/seal/v1"
)

// maxInline is how many resources travel in a token. More are stored, and the
// token names their digest.
const maxInline = 8

// AccessToken is what an access token permits as of its minting. A nil UUID
// stands for none.
type AccessToken struct {
	// ID and KeyID are set when a token is opened. ID names this one token.
	ID    [16]byte
	KeyID uint32

	ClientID           string
	ClientVersion      int64
	ClientScopeVersion int64
	Sub                string // empty: a token of the client itself
	SubjectVersion     int64
	GrantID            uuid.UUID
	GrantVersion       int64
	FamilyID           uuid.UUID
	SessionID          uuid.UUID // nil: outlives the session
	Scope              oauth.Scope
	Audience           []string // empty: the issuer
	IssueTime          time.Time
	ExpireTime         time.Time
	RestoreEpoch       int64
	Resources          Resources
	// ResourcesDigest names a stored set in place of Resources; nil for none.
	ResourcesDigest []byte
	// Required is the membership without which the token is dead, which is not
	// shared with the client. Its ID is nil for none.
	Required Workspace
}

// Resources are what the subject shares with the client.
type Resources struct {
	Workspaces []Workspace
	Projects   []Project
}

// Workspace is a shared workspace.
type Workspace struct {
	ID                uuid.UUID
	Role              role.Role
	MembershipVersion int64
	Scopes            Mask // over the token's scope
}

// Project is a shared project.
type Project struct {
	ID, WorkspaceID                   uuid.UUID
	Role                              role.Role
	MembershipVersion, ProjectVersion int64
	Scopes                            Mask // over the token's scope
}

// Inline reports whether the resources travel in the token.
func (r Resources) Inline() bool { return len(r.Workspaces)+len(r.Projects) <= maxInline }

// Marshal returns the stored form of the resources of tokens with that scope. Two
// tokens of different scopes may have it in common: each reads the masks over its
// own. Fails for a mask that does not fit.
func (r Resources) Marshal(scope oauth.Scope) ([]byte, error) {
	if !r.Over(scope) {
		return nil, errMask
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(r.message())
}

// UnmarshalResources is the inverse of [Resources.Marshal]. Whether the masks fit
// the scope of the token that names the set is for [Resources.Over] to say.
func UnmarshalResources(stored []byte) (Resources, error) {
	var m sealv1.Resources
	if err := proto.Unmarshal(stored, &m); err != nil {
		return Resources{}, fmt.Errorf("unmarshal resources: %w", err)
	}
	return resourcesOf(&m)
}

// SealAccessToken returns the token's text. Its ID and KeyID are not read. Fails
// with [ErrTooLong], and for a resource whose mask does not fit the scope.
func (s *Sealer) SealAccessToken(t AccessToken) (string, error) {
	if !t.Resources.Over(t.Scope) {
		return "", errMask
	}
	return s.sealMessage(seal.AccessToken, s.access, t.message())
}

// OpenAccessToken is the inverse of [Sealer.SealAccessToken]. It judges no time
// and no restriction. Fails with [ErrInvalid].
func (s *Sealer) OpenAccessToken(text string) (AccessToken, error) {
	var m sealv1.AccessToken
	sealed, keyID, err := s.openMessage(seal.AccessToken, s.access, text, &m)
	if err != nil {
		return AccessToken{}, err
	}
	t, err := accessTokenOf(&m)
	if err != nil {
		return AccessToken{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	t.ID, t.KeyID = seal.TokenID(sealed), keyID
	return t, nil
}

func (t AccessToken) message() *sealv1.AccessToken {
	m := &sealv1.AccessToken{
		ClientId: t.ClientID, ClientVersion: t.ClientVersion, ClientScopeVersion: t.ClientScopeVersion,
		Sub: t.Sub, SubjectVersion: t.SubjectVersion,
		GrantId: idBytes(t.GrantID), GrantVersion: t.GrantVersion,
		FamilyId: idBytes(t.FamilyID), SessionId: idBytes(t.SessionID),
		Scope: t.Scope.String(), Audience: t.Audience,
		IssueTime: t.IssueTime.Unix(), ExpireTime: t.ExpireTime.Unix(),
		RestoreEpoch: t.RestoreEpoch, ResourcesDigest: t.ResourcesDigest,
	}
	if len(t.Resources.Workspaces)+len(t.Resources.Projects) > 0 {
		m.Resources = t.Resources.message()
	}
	if t.Required.ID != uuid.Nil {
		m.Required = t.Required.message()
	}
	return m
}

func accessTokenOf(m *sealv1.AccessToken) (AccessToken, error) {
	grant, err1 := idOf(m.GetGrantId())
	family, err2 := idOf(m.GetFamilyId())
	session, err3 := idOf(m.GetSessionId())
	resources, err4 := resourcesOf(m.GetResources())
	scope, err5 := scopeOf(m.GetScope())
	required, err6 := requiredOf(m.GetRequired())
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return AccessToken{}, err
	}
	if !resources.Over(scope) {
		return AccessToken{}, errMask
	}
	return AccessToken{
		ClientID: m.GetClientId(), ClientVersion: m.GetClientVersion(), ClientScopeVersion: m.GetClientScopeVersion(),
		Sub: m.GetSub(), SubjectVersion: m.GetSubjectVersion(),
		GrantID: grant, GrantVersion: m.GetGrantVersion(), FamilyID: family, SessionID: session,
		Scope: scope, Audience: m.GetAudience(),
		IssueTime: time.Unix(m.GetIssueTime(), 0).UTC(), ExpireTime: time.Unix(m.GetExpireTime(), 0).UTC(),
		RestoreEpoch: m.GetRestoreEpoch(), Resources: resources, ResourcesDigest: m.GetResourcesDigest(),
		Required: required,
	}, nil
}

// requiredOf reads a membership that may be absent, and is whole if it is not.
func requiredOf(m *sealv1.Workspace) (Workspace, error) {
	if m == nil {
		return Workspace{}, nil
	}
	return workspaceOf(m)
}

func (w Workspace) message() *sealv1.Workspace {
	return &sealv1.Workspace{Id: w.ID[:], Role: uint32(w.Role), MembershipVersion: w.MembershipVersion, Scopes: w.Scopes}
}

func workspaceOf(m *sealv1.Workspace) (Workspace, error) {
	id, err := uuid.FromBytes(m.GetId())
	return Workspace{ID: id, Role: roleOf(m.GetRole()), MembershipVersion: m.GetMembershipVersion(), Scopes: m.GetScopes()}, err
}

func (r Resources) message() *sealv1.Resources {
	m := &sealv1.Resources{}
	for _, w := range r.Workspaces {
		m.Workspaces = append(m.Workspaces, w.message())
	}
	for _, p := range r.Projects {
		m.Projects = append(m.Projects, &sealv1.Project{
			Id: p.ID[:], WorkspaceId: p.WorkspaceID[:], Role: uint32(p.Role),
			MembershipVersion: p.MembershipVersion, ProjectVersion: p.ProjectVersion, Scopes: p.Scopes,
		})
	}
	return m
}

func resourcesOf(m *sealv1.Resources) (Resources, error) {
	var r Resources
	r.Workspaces = slices.Grow(r.Workspaces, len(m.GetWorkspaces()))
	r.Projects = slices.Grow(r.Projects, len(m.GetProjects()))
	for _, w := range m.GetWorkspaces() {
		workspace, err := workspaceOf(w)
		if err != nil {
			return Resources{}, err
		}
		r.Workspaces = append(r.Workspaces, workspace)
	}
	for _, p := range m.GetProjects() {
		id, err1 := uuid.FromBytes(p.GetId())
		workspace, err2 := uuid.FromBytes(p.GetWorkspaceId())
		if err := errors.Join(err1, err2); err != nil {
			return Resources{}, err
		}
		r.Projects = append(r.Projects, Project{
			ID: id, WorkspaceID: workspace, Role: roleOf(p.GetRole()),
			MembershipVersion: p.GetMembershipVersion(), ProjectVersion: p.GetProjectVersion(), Scopes: p.GetScopes(),
		})
	}
	return r, nil
}

// roleOf takes a role that this release does not know for none.
func roleOf(n uint32) role.Role {
	if n > uint32(role.Admin) {
		return role.None
	}
	return role.Role(n)
}

// scopeOf reads a scope that may be empty.
func scopeOf(s string) (oauth.Scope, error) {
	if s == "" {
		return nil, nil
	}
	return oauth.ParseScope(s)
}

// idBytes is empty for the nil UUID.
func idBytes(id uuid.UUID) []byte {
	if id == uuid.Nil {
		return nil
	}
	return id[:]
}

func idOf(b []byte) (uuid.UUID, error) {
	if len(b) == 0 {
		return uuid.Nil, nil
	}
	return uuid.FromBytes(b)
}
