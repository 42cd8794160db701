// Package issue mints tokens. It writes nothing down, but for the resources of a
// token that has too many of them to carry.
package issue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset"
	"github.com/chancery-auth/chancery/services/token/internal/standing"
)

// SignIn is what ID tokens say of it: when it was, and the nonce that ties the token to
// the authorization request.
type SignIn struct {
	AuthTime time.Time
	Nonce    string // empty for none
}

// Subject is for whom to mint, when it is not the client itself.
type Subject struct {
	Standing  standing.Standing
	FamilyID  uuid.UUID
	SessionID uuid.UUID // nil: the token outlives the session
	SignIn    SignIn
}

// Tokens are what was minted.
type Tokens struct {
	AccessToken string
	IDToken     string // empty without openid
	ExpiresIn   time.Duration
	Scope       oauth.Scope
}

// Keys seals and signs with the keys in use.
type Keys interface {
	SealAccessToken(t credential.AccessToken) (string, error)
	Sign(alg jwks.Alg, typ jwks.Typ, claims any) (string, error)
	// RestoreEpoch is the epoch that tokens are sealed with.
	RestoreEpoch() int64
}

// Issuer mints tokens.
type Issuer struct {
	URL             string
	Keys            Keys
	Sets            *resourceset.Store
	IDTokenLifetime time.Duration
	// Claims are those about the subject that each scope opens in an ID token.
	// Empty: none.
	Claims preset.Catalogue
	Now    func() time.Time
}

// ForSubject mints an access token for what s stands for, and an ID token if its
// scope has openid (OIDC Core §3.1.3.3).
func (i *Issuer) ForSubject(ctx context.Context, c client.Client, s Subject, audience []string) (Tokens, error) {
	t := i.accessToken(c, s.Standing.Scope, audience)
	t.Sub, t.SubjectVersion = s.Standing.Subject.Sub, s.Standing.Subject.Version
	t.GrantID, t.GrantVersion = s.Standing.Grant.ID, s.Standing.Grant.Version
	t.FamilyID, t.SessionID = s.FamilyID, s.SessionID
	t.Required = s.Standing.Required
	if err := i.share(ctx, &t, s.Standing.Resources); err != nil {
		return Tokens{}, err
	}
	tokens, err := i.seal(t)
	if err != nil || !t.Scope.Contains("openid") {
		return tokens, err
	}
	if tokens.IDToken, err = i.idToken(c, t, s, tokens.AccessToken); err != nil {
		return Tokens{}, err
	}
	return tokens, nil
}

// ForClient mints an access token of the client itself (RFC 6749 §4.4.3).
func (i *Issuer) ForClient(c client.Client, scope oauth.Scope, audience []string) (Tokens, error) {
	t := i.accessToken(c, scope, audience)
	t.FamilyID = ownFamily(c.ID)
	return i.seal(t)
}

// ownFamily is the family of what a client was given by its own credentials: it has
// no row, and is there so that many of these tokens can end by one restriction.
func ownFamily(clientID string) uuid.UUID { return uuid.NewSHA1(ownTokens, []byte(clientID)) }

// ownTokens is the name space of these families (RFC 9562 §5.5).
var ownTokens = uuid.MustParse("5a0c3f0e-3e0f-4d59-9d3c-8a6e0c1b7f42")

func (i *Issuer) accessToken(c client.Client, scope oauth.Scope, audience []string) credential.AccessToken {
	now := i.Now().Truncate(time.Second)
	return credential.AccessToken{
		ClientID: c.ID, ClientVersion: c.Version, ClientScopeVersion: c.ScopeVersion,
		Scope: scope, Audience: audience,
		IssueTime: now, ExpireTime: now.Add(min(c.AccessTokenLifetime, preset.LongestAccessToken)),
		RestoreEpoch: i.Keys.RestoreEpoch(),
	}
}

// share puts the resources into the token, or a reference to them.
func (i *Issuer) share(ctx context.Context, t *credential.AccessToken, r credential.Resources) error {
	if r.Inline() {
		t.Resources = r
		return nil
	}
	set, err := r.Marshal(t.Scope)
	if err != nil {
		return fmt.Errorf("marshal resources: %w", err)
	}
	digest, err := i.Sets.Put(ctx, set)
	if err != nil {
		return fmt.Errorf("put resource set: %w", err)
	}
	t.ResourcesDigest = digest[:]
	return nil
}

func (i *Issuer) seal(t credential.AccessToken) (Tokens, error) {
	text, err := i.Keys.SealAccessToken(t)
	if errors.Is(err, credential.ErrTooLong) {
		return Tokens{}, oauth.RefuseBecause(oauth.InvalidScope, "scope and resource are too long for one token", err)
	}
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{AccessToken: text, ExpiresIn: t.ExpireTime.Sub(t.IssueTime), Scope: t.Scope}, nil
}
