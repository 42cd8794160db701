package app

import (
	"slices"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// newApp returns what developers choose of c, and nothing else of it. What is
// empty takes the provider's default.
func newApp(c client.Client, p client.Policy) (client.Client, error) {
	if err := scopeGrantable(c.Scope, nil, p); err != nil {
		return client.Client{}, err
	}
	return client.Client{
		WorkspaceID:                       c.WorkspaceID,
		ClientName:                        c.ClientName,
		Description:                       c.Description,
		ApplicationType:                   c.ApplicationType,
		TokenEndpointAuthMethod:           c.TokenEndpointAuthMethod,
		TokenEndpointAuthMethodsSupported: c.TokenEndpointAuthMethodsSupported,
		RedirectURIs:                      c.RedirectURIs,
		// An app has users: without redirect URIs it is not finished, and no
		// machine client.
		GrantTypes: slices.Clone(p.Defaults(c.ApplicationType).GrantTypes),
		Scope:      c.Scope,
		ClientURI:  c.ClientURI,
		PolicyURI:  c.PolicyURI,
		TosURI:     c.TosURI,
		Visibility: c.Visibility,
		PKCEUnsaid: true, VettedUnsaid: true,
	}, nil
}

// edit returns old with what developers choose of it as c has it. Everything else
// stays: consent, lifetimes, grant types and the like are for operators.
func edit(old, c client.Client, p client.Policy) (client.Client, error) {
	if err := scopeGrantable(c.Scope, old.Scope, p); err != nil {
		return client.Client{}, err
	}
	edited := old
	edited.Revision = c.Revision
	edited.ClientName, edited.Description = c.ClientName, c.Description
	edited.RedirectURIs = c.RedirectURIs
	edited.ClientURI, edited.PolicyURI, edited.TosURI = c.ClientURI, c.PolicyURI, c.TosURI
	if c.Visibility != "" {
		edited.Visibility = c.Visibility
	}
	if c.TokenEndpointAuthMethod != "" || len(c.TokenEndpointAuthMethodsSupported) > 0 {
		edited.TokenEndpointAuthMethod = c.TokenEndpointAuthMethod
		edited.TokenEndpointAuthMethodsSupported = c.TokenEndpointAuthMethodsSupported
	}
	// Rights that operators gave are not on a developer's list, and stay.
	edited.Scope = c.Scope.Union(old.Scope.Intersect(ownRights(p)))
	edited.DefaultScope = old.DefaultScope.Intersect(edited.Scope)
	// RFC 9700 §2.1.1. A developer could not say so, and be refused for ever.
	if !edited.Confidential() || p.Clients.PKCEMandatory {
		edited.RequirePKCE = true
	}
	return edited.TrustedAs(old, p), nil
}

// scopeGrantable: what a user cannot grant, a developer cannot take. Only an
// operator gives a client rights of its own.
func scopeGrantable(asked, had oauth.Scope, p client.Policy) error {
	if !asked.Intersect(ownRights(p)).SubsetOf(had) {
		return fault.New(fault.Invalid, "scope of an app must not have rights of the client itself, such as introspect")
	}
	return nil
}

func ownRights(p client.Policy) oauth.Scope { return p.Scopes.Names(preset.Client) }
