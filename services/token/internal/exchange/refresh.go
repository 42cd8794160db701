package exchange

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/issue"
	"github.com/chancery-auth/chancery/services/token/internal/standing"
)

// byRefreshToken trades a refresh token (RFC 6749 §6). What was granted is judged
// first: a request that is refused for its scope leaves the token as it is.
func (x *Exchanger) byRefreshToken(ctx context.Context, c client.Client, req Request) (Result, error) {
	if req.RefreshToken == "" {
		return Result{}, oauth.Refuse(oauth.InvalidRequest, "refresh_token is missing")
	}
	opened, err := x.Credentials.OpenRefreshToken(ctx, req.RefreshToken)
	if errors.Is(err, credential.ErrInvalid) {
		return Result{}, oauth.RefuseBecause(oauth.InvalidGrant, "refresh token is not valid", err)
	}
	if err != nil {
		return Result{}, fmt.Errorf("open refresh token: %w", err)
	}
	presented := family.Presented{FamilyID: opened.FamilyID, Generation: opened.Generation}
	f, err := x.Families.Find(ctx, presented, c.ID)
	if err != nil {
		return Result{}, err
	}
	now, audience, err := x.refreshable(ctx, c, f, req)
	if err != nil {
		return Result{}, err
	}
	f, err = x.Families.Rotate(ctx, presented, PolicyOf(c), x.Credentials.Primary())
	if err != nil {
		return Result{}, err
	}
	return x.mint(ctx, c, issue.Subject{
		Standing: now, FamilyID: f.ID,
		// OIDC Core §12.2: the time of the original sign-in, and no nonce.
		SignIn: issue.SignIn{AuthTime: f.AuthTime},
	}, &f, audience)
}

// refreshable is what the family is worth now, narrowed to what req asks for.
func (x *Exchanger) refreshable(ctx context.Context, c client.Client, f family.Family, req Request) (standing.Standing, []string, error) {
	// A token may have had what a scope stands for, where that was not allowed itself.
	scope, err := narrowScope(x.Catalogue.Implied(f.Scope), cmp.Or(req.Scope, f.Scope.String()))
	if err != nil {
		return standing.Standing{}, nil, err
	}
	audience, err := narrowResource(f.Resource, req.Resource)
	if err != nil {
		return standing.Standing{}, nil, err
	}
	// What let the client have refresh tokens at all may have been taken from it.
	if !mayRefresh(c, c.Scope) {
		return standing.Standing{}, nil, oauth.Refuse(oauth.InvalidGrant, "the client has no offline access any more")
	}
	now, err := x.Standings.Resolve(ctx, standing.Asked{
		GrantID: f.GrantID, Origin: f.Origin, ClientID: f.ClientID, Sub: f.Sub,
		// A scope that the client lost is gone; one that it gained was never granted.
		SubjectVersion: f.SubjectVersion, Scope: scope.Intersect(x.Catalogue.Implied(c.Scope)), Audience: audience,
		PlatformOwn: c.SkipConsent, Owner: c.Owner(),
	})
	return now, audience, err
}
