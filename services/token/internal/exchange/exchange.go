// Package exchange trades grants for tokens: one way for each grant type, all of
// which end in tokens minted from what is true now.
//
// The client is authenticated, and registered for the grant type, before any of
// this runs.
package exchange

import (
	"context"
	"slices"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/token/internal/code"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/issue"
	"github.com/chancery-auth/chancery/services/token/internal/standing"
)

// PolicyOf returns how refresh tokens of the client rotate.
func PolicyOf(c client.Client) family.Policy {
	r := c.Refresh
	return family.Policy{Rotation: family.Rotation(r.Rotation), Threshold: r.Threshold, Grace: r.Grace, Window: r.Window}
}

// Request is a token request without the client's credentials.
type Request struct {
	Code         string
	RedirectURI  string
	CodeVerifier string
	RefreshToken string
	Scope        string
	Resource     []string
}

// Result is what the client gets.
type Result struct {
	issue.Tokens
	RefreshToken string // empty for none
}

// Credentials seals and opens with the keys in use. Of a text that is none of
// ours it says credential.ErrInvalid; any other error means that nobody can say.
type Credentials interface {
	// Primary is the id of the key that new credentials are sealed under.
	Primary() uint32
	OpenCode(ctx context.Context, text string) (credential.AuthorizationCode, error)
	OpenRefreshToken(ctx context.Context, text string) (credential.RefreshToken, error)
	// SealRefreshToken fails with seal.ErrUnknownKey if the key was retired.
	SealRefreshToken(ctx context.Context, t credential.RefreshToken) (string, error)
}

// Exchanger trades grants for tokens. It is safe for concurrent use.
type Exchanger struct {
	Credentials Credentials
	Codes       *code.Redeemer
	Families    *family.Rotator
	Standings   *standing.Resolver
	Issuer      *issue.Issuer
	Catalogue   preset.Catalogue
	Lifetimes   preset.Lifetimes
	// Resources are those that a client may ask for (RFC 8707).
	Resources []string
}

// Exchange trades the grant that the request holds. Fails with the errors of
// RFC 6749 §5.2, and with invalid_target.
func (x *Exchanger) Exchange(ctx context.Context, grantType string, c client.Client, req Request) (Result, error) {
	if grantType == "" {
		return Result{}, oauth.Refuse(oauth.InvalidRequest, "grant_type is missing")
	}
	trade, ok := map[string]func(context.Context, client.Client, Request) (Result, error){
		oauth.GrantAuthorizationCode: x.byCode,
		oauth.GrantRefreshToken:      x.byRefreshToken,
		oauth.GrantClientCredentials: x.byCredentials,
	}[grantType]
	if !ok {
		return Result{}, oauth.Refuse(oauth.UnsupportedGrantType, "grant_type is not supported")
	}
	if !slices.Contains(c.GrantTypes, grantType) {
		return Result{}, oauth.Refuse(oauth.UnauthorizedClient, "client is not registered for this grant_type")
	}
	return trade(ctx, c, req)
}

// narrowScope is what of granted a request asks for; all of it when it does not
// say (RFC 6749 §6).
func narrowScope(granted oauth.Scope, requested string) (oauth.Scope, error) {
	if requested == "" {
		return granted, nil
	}
	scope, err := oauth.ParseScope(requested)
	if err != nil {
		return nil, err
	}
	if !scope.SubsetOf(granted) {
		return nil, oauth.Refuse(oauth.InvalidScope, "scope goes beyond what was granted")
	}
	return scope, nil
}

// narrowResource is what of granted a request asks for; all of it when it does
// not say (RFC 8707 §2.2).
func narrowResource(granted, requested []string) ([]string, error) {
	if len(requested) == 0 {
		return granted, nil
	}
	for _, r := range requested {
		if !slices.Contains(granted, r) {
			return nil, oauth.Refuse(oauth.InvalidTarget, "resource was not granted")
		}
	}
	return requested, nil
}
