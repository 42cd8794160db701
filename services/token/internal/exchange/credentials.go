package exchange

import (
	"context"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// byCredentials gives a client a token of its own (RFC 6749 §4.4). It touches no
// store: there is neither a subject nor a refresh token.
func (x *Exchanger) byCredentials(_ context.Context, c client.Client, req Request) (Result, error) {
	if c.Public {
		return Result{}, oauth.Refuse(oauth.UnauthorizedClient, "client_credentials is for clients that authenticate")
	}
	// Scopes about a subject are never a client's own.
	own := c.Scope.Intersect(x.Catalogue.Names(preset.API, preset.Client))
	scope, err := ownScope(own, c.DefaultScope, req.Scope)
	if err != nil {
		return Result{}, err
	}
	audience, err := narrowResource(x.Resources, req.Resource)
	if err != nil {
		return Result{}, err
	}
	if len(req.Resource) == 0 {
		audience = nil
	}
	tokens, err := x.Issuer.ForClient(c, scope, audience)
	return Result{Tokens: tokens}, err
}

// ownScope is what a request gets of the client's own scope: what it asks for,
// else the client's default, else everything.
func ownScope(own, byDefault oauth.Scope, requested string) (oauth.Scope, error) {
	if d := byDefault.Intersect(own); requested == "" && len(d) > 0 {
		return d, nil
	}
	scope, err := narrowScope(own, requested)
	if err != nil {
		return nil, oauth.RefuseBecause(oauth.InvalidScope, "scope has a value that is not the client's own", err)
	}
	return scope, nil
}
