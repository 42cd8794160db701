package client

import (
	"slices"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// withDefaults returns a new client, where what is empty has its default.
func (c Client) withDefaults(p Policy) Client {
	if c.ApplicationType == "" {
		c.ApplicationType = oauth.ApplicationWeb
	}
	defaults := p.Defaults(c.ApplicationType)
	c = c.withAuthMethods(defaults.TokenEndpointAuthMethod)
	if len(c.GrantTypes) == 0 {
		c.GrantTypes = defaultGrantTypes(c, defaults)
	}
	if len(c.Scope) == 0 && slices.Contains(c.GrantTypes, oauth.GrantAuthorizationCode) {
		c.Scope = p.Scopes.Grantable()
	}
	if c.PKCEUnsaid {
		// Clients without credentials always need it (RFC 9700 §2.1.1).
		c.RequirePKCE = defaults.RequirePKCE || p.Clients.PKCEMandatory || !c.Confidential()
		c.PKCEUnsaid = false
	}
	if c.VettedUnsaid {
		c.Vetted, c.VettedUnsaid = p.vets(c), false
		c.VettedByPreset = !c.OfOperators()
	}
	if c.Visibility == "" {
		c.Visibility = Unlisted
	}
	return c.withDefaultAlg()
}

// Defaults returns those for clients of the application type.
func (p Policy) Defaults(t oauth.ApplicationType) preset.ClientDefaults {
	if t == oauth.ApplicationNative {
		return p.Clients.Native
	}
	return p.Clients.Web
}

func defaultGrantTypes(c Client, defaults preset.ClientDefaults) []string {
	if len(c.RedirectURIs) == 0 && c.Confidential() {
		return []string{oauth.GrantClientCredentials}
	}
	return slices.Clone(defaults.GrantTypes)
}

// asUpdateOf returns c as the next revision of old. An empty scope or list is
// meant: an update that leaves one out must not widen what the client may do.
// Only the fields that every client has a value of stay as they were.
func (c Client) asUpdateOf(old Client) Client {
	if c.ApplicationType == "" {
		c.ApplicationType = old.ApplicationType
	}
	c = c.withAuthMethodsOf(old)
	if c.PKCEUnsaid {
		c.RequirePKCE, c.PKCEUnsaid = old.RequirePKCE, false
	}
	if c.VettedUnsaid {
		c.Vetted, c.VettedUnsaid = old.Vetted, false
	}
	if c.Visibility == "" {
		c.Visibility = old.Visibility
	}
	if c.WorkspaceID == "" {
		c.WorkspaceID = old.WorkspaceID
	}
	c.RegistrationDigest = old.RegistrationDigest
	return c.withDefaultAlg()
}

// asRegistered returns what a client says of itself without what is not for it
// to say: it belongs to nobody, and the preset alone may vouch for it.
func (c Client) asRegistered(p Policy) Client {
	said := selfDescribed(c)
	said.RegistrationDigest = c.RegistrationDigest
	said.VettedUnsaid, said.PKCEUnsaid = true, true
	said.ClientKind = p.Registration.ClientKind
	return said
}

// asReplacementOf returns what a client says of itself now, with what operators
// have said of it since it was registered, as far as that holds.
func (c Client) asReplacementOf(old Client, p Policy) Client {
	said := selfDescribed(c)
	said.ClientID, said.Revision = c.ClientID, c.Revision
	if said.ApplicationType == "" {
		said.ApplicationType = old.ApplicationType
	}
	// A client is told of one method alone, so that it can only send back that one.
	if said.TokenEndpointAuthMethod != "" && len(said.TokenEndpointAuthMethodsSupported) == 0 {
		said = said.withAuthMethodsOf(old)
	}
	said.RequirePKCE, said.PKCEUnsaid = old.RequirePKCE, !old.RequirePKCE
	said.Audience = old.Audience
	said.AccessTokenLifetime, said.RefreshTokenLifetime = old.AccessTokenLifetime, old.RefreshTokenLifetime
	said.RefreshRotation, said.RefreshGrace, said.RefreshWindow = old.RefreshRotation, old.RefreshGrace, old.RefreshWindow
	said.RequireRevocationAuth, said.Description, said.LogoDigest = old.RequireRevocationAuth, old.Description, old.LogoDigest
	said.ClientKind = p.Registration.ClientKind
	said.RegistrationDigest = old.RegistrationDigest
	said = said.withDefaults(p)
	said.DefaultScope = old.DefaultScope.Intersect(said.Scope)
	return said.TrustedAs(old, p)
}

// TrustedAs returns c, to which its owner, or itself, has changed old, with what
// operators said of old that holds of c too. They vouch for what a client is, and
// not for what it becomes.
func (c Client) TrustedAs(old Client, p Policy) Client {
	same := c.within(old)
	c.Vetted = old.Vetted && (same || p.vets(c))
	c.VettedByPreset = !same
	c.SkipConsent = old.SkipConsent && same
	return c
}

// vets reports whether a client that nobody has spoken of counts as vetted. Whoever
// registers one for the operators has looked at it.
func (p Policy) vets(c Client) bool {
	if c.Registered() {
		return p.Registration.Vetted
	}
	return c.WorkspaceID == "" || p.Clients.AppsVetted
}

// within reports whether c is to users what old was, leads them nowhere else, and
// asks for no more.
func (c Client) within(old Client) bool {
	return c.ClientName == old.ClientName && c.ClientURI == old.ClientURI && c.LogoURI == old.LogoURI && c.LogoDigest == old.LogoDigest &&
		c.PolicyURI == old.PolicyURI && c.TosURI == old.TosURI && c.Scope.SubsetOf(old.Scope) &&
		!slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return !slices.Contains(old.RedirectURIs, uri) })
}

// selfDescribed is the metadata of RFC 7591 §2 alone.
func selfDescribed(c Client) Client {
	return Client{
		ClientName:                         c.ClientName,
		ApplicationType:                    c.ApplicationType,
		TokenEndpointAuthMethod:            c.TokenEndpointAuthMethod,
		TokenEndpointAuthMethodsSupported:  c.TokenEndpointAuthMethodsSupported,
		RedirectURIs:                       c.RedirectURIs,
		GrantTypes:                         c.GrantTypes,
		Scope:                              c.Scope,
		JWKS:                               c.JWKS,
		ClientURI:                          c.ClientURI,
		LogoURI:                            c.LogoURI,
		PolicyURI:                          c.PolicyURI,
		TosURI:                             c.TosURI,
		RequirePushedAuthorizationRequests: c.RequirePushedAuthorizationRequests,
		IDTokenSignedResponseAlg:           c.IDTokenSignedResponseAlg,
	}
}

func (c Client) withDefaultAlg() Client {
	if c.IDTokenSignedResponseAlg == "" {
		c.IDTokenSignedResponseAlg = "RS256" // OIDC Registration §2
	}
	return c
}
