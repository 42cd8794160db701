package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/seal"
	"github.com/chancery-auth/chancery/services/token/internal/code"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/issue"
	"github.com/chancery-auth/chancery/services/token/internal/standing"
)

// byCode trades an authorization code (RFC 6749 §4.1.3).
//
// Tokens are minted before the code passes the gate, so that a code is not spent
// on a failure; they leave only if it passes.
func (x *Exchanger) byCode(ctx context.Context, c client.Client, req Request) (Result, error) {
	if req.Code == "" {
		return Result{}, oauth.Refuse(oauth.InvalidRequest, "code is missing")
	}
	opened, err := x.Credentials.OpenCode(ctx, req.Code)
	if errors.Is(err, credential.ErrInvalid) {
		return Result{}, oauth.RefuseBecause(oauth.InvalidGrant, "code is not valid", err)
	}
	if err != nil {
		return Result{}, fmt.Errorf("open code: %w", err)
	}
	err = x.Codes.Check(ctx, opened, code.Request{ClientID: c.ID, RedirectURI: req.RedirectURI, CodeVerifier: req.CodeVerifier})
	if err != nil {
		return Result{}, err
	}
	if !c.RedirectsTo(opened.RedirectURI) {
		return Result{}, oauth.Refuse(oauth.InvalidGrant, "redirect_uri is not registered any more")
	}
	audience, err := narrowResource(opened.Resource, req.Resource)
	if err != nil {
		return Result{}, err
	}
	now, err := x.Standings.Resolve(ctx, standing.Asked{
		GrantID: opened.GrantID, Origin: opened.Origin, ClientID: opened.ClientID, Sub: opened.Sub,
		SubjectVersion: opened.SubjectVersion, Scope: opened.Scope.Intersect(c.Scope), Audience: audience,
		PlatformOwn: c.SkipConsent, Owner: c.Owner(),
	})
	if err != nil {
		return Result{}, err
	}
	f := x.newFamily(c, opened, now)
	result, err := x.mint(ctx, c, issue.Subject{
		Standing: now, FamilyID: opened.ID, SessionID: sessionOf(opened, f),
		SignIn: issue.SignIn{AuthTime: opened.AuthTime, Nonce: opened.Nonce},
	}, f, audience)
	if err != nil {
		return Result{}, err
	}
	if err := x.Codes.Redeem(ctx, opened, f); err != nil {
		return Result{}, err
	}
	return result, nil
}

// mayRefresh reports whether scope lets the client have refresh tokens (OIDC Core
// §11), or needs not to.
func mayRefresh(c client.Client, scope oauth.Scope) bool {
	return c.Refresh.Unasked || scope.Contains("offline_access")
}

// newFamily is the family that the code starts; nil when it gives no refresh
// token.
func (x *Exchanger) newFamily(c client.Client, opened credential.AuthorizationCode, now standing.Standing) *family.Family {
	if !mayRefresh(c, now.Scope) || !slices.Contains(c.GrantTypes, oauth.GrantRefreshToken) {
		return nil
	}
	return &family.Family{
		ID: opened.ID, GrantID: now.Grant.ID, Origin: opened.Origin, ClientID: c.ID,
		Sub: now.Subject.Sub, SubjectVersion: now.Subject.Version,
		Scope: opened.Scope.Intersect(c.Scope), Resource: opened.Resource, AuthTime: opened.AuthTime,
		KeyID: x.Credentials.Primary(), Lifetime: c.RefreshTokenLifetime, AbsoluteLifetime: x.Lifetimes.RefreshAbsolute,
	}
}

// sessionOf is the session that the access token ends with: none when a refresh
// token outlives the session anyway.
func sessionOf(opened credential.AuthorizationCode, f *family.Family) uuid.UUID {
	if f != nil {
		return uuid.Nil
	}
	return opened.SessionID
}

// mint makes the tokens, and the text of f's token in use unless f is nil.
func (x *Exchanger) mint(ctx context.Context, c client.Client, s issue.Subject, f *family.Family, audience []string) (Result, error) {
	tokens, err := x.Issuer.ForSubject(ctx, c, s, audience)
	if err != nil {
		return Result{}, err
	}
	result := Result{Tokens: tokens}
	if f == nil {
		return result, nil
	}
	result.RefreshToken, err = x.Credentials.SealRefreshToken(ctx, credential.RefreshToken{
		FamilyID: f.ID, Generation: f.Generation, KeyID: f.KeyID,
	})
	if errors.Is(err, seal.ErrUnknownKey) {
		// The family's token in use ended with its key.
		return Result{}, oauth.RefuseBecause(oauth.InvalidGrant, "refresh token is not valid", err)
	}
	return result, err
}
