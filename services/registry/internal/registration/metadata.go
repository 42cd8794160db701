package registration

import (
	"slices"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// Metadata is what a client says of itself, by the names of RFC 7591 §2 and OIDC
// Registration §2. What is empty was not said.
type Metadata struct {
	RedirectURIs            []string
	TokenEndpointAuthMethod string
	// TokenEndpointAuthMethodsSupported is what the client can do, and never part of
	// an answer (OIDC RP Metadata Choices §2).
	TokenEndpointAuthMethodsSupported []string
	GrantTypes                        []string
	ResponseTypes                     []string
	ClientName                        string
	ClientURI                         string
	LogoURI                           string
	// Scope is space-separated.
	Scope     string
	TosURI    string
	PolicyURI string
	// JWKS is a JWK Set document (RFC 7517 §5).
	JWKS                               string
	JWKSURI                            string
	SoftwareStatement                  string
	ApplicationType                    string
	IDTokenSignedResponseAlg           string
	RequirePushedAuthorizationRequests bool
	SubjectType                        string
	SectorIdentifierURI                string
}

// client returns what m makes a client, by the defaults of the provider where
// those of every client do not fit. Fails with the error codes of RFC 7591 §3.2.2.
func (m Metadata) client(defaults preset.Clients) (client.Client, error) {
	if err := m.check(); err != nil {
		return client.Client{}, err
	}
	scope, err := parseScope(m.Scope)
	if err != nil {
		return client.Client{}, err
	}
	c := client.Client{
		ClientName:                         m.ClientName,
		ApplicationType:                    oauth.ApplicationType(m.ApplicationType),
		RedirectURIs:                       m.RedirectURIs,
		GrantTypes:                         m.GrantTypes,
		Scope:                              scope,
		JWKS:                               m.JWKS,
		ClientURI:                          m.ClientURI,
		LogoURI:                            m.LogoURI,
		PolicyURI:                          m.PolicyURI,
		TosURI:                             m.TosURI,
		RequirePushedAuthorizationRequests: m.RequirePushedAuthorizationRequests,
		IDTokenSignedResponseAlg:           m.IDTokenSignedResponseAlg,
	}
	c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported = m.authMethods()
	if c.ClientName == "" {
		c.ClientName = client.Unnamed
	}
	if len(c.GrantTypes) == 0 {
		c.GrantTypes = defaultGrantTypes(c.ApplicationType, defaults)
	}
	return c, nil
}

// authMethods chooses from what the client can do: all of it that is known and goes
// together. What is not known is an error only where it is the only choice (OIDC RP
// Metadata Choices §4), and a method that is told and not among them always is.
func (m Metadata) authMethods() (told string, all []string) {
	told = m.TokenEndpointAuthMethod
	for _, method := range m.TokenEndpointAuthMethodsSupported {
		if oauth.AuthMethodKnown(method) && (method != oauth.AuthPrivateKeyJWT || m.JWKS != "" || told == method) {
			all = append(all, method)
		}
	}
	if len(all) == 0 {
		return told, m.TokenEndpointAuthMethodsSupported
	}
	if !oauth.AuthMethodKnown(told) && slices.Contains(m.TokenEndpointAuthMethodsSupported, told) {
		told = ""
	}
	// None stands alone: for a native client that does not say otherwise, and for one
	// that is told of it.
	none := []string{oauth.AuthNone}
	native := told == "" && m.ApplicationType == string(oauth.ApplicationNative)
	switch {
	case slices.Equal(all, none), !slices.Contains(all, oauth.AuthNone):
		return told, all
	case native, told == oauth.AuthNone:
		return oauth.AuthNone, none
	}
	return told, slices.DeleteFunc(all, func(method string) bool { return method == oauth.AuthNone })
}

// defaultGrantTypes leaves out what is only for clients that somebody vouches for:
// see tokensAskedOfUsers.
func defaultGrantTypes(t oauth.ApplicationType, defaults preset.Clients) []string {
	types := defaults.Web.GrantTypes
	if t == oauth.ApplicationNative {
		types = defaults.Native.GrantTypes
	}
	return slices.DeleteFunc(slices.Clone(types), func(g string) bool { return g == oauth.GrantClientCredentials })
}

func parseScope(text string) (oauth.Scope, error) {
	if text == "" {
		return nil, nil
	}
	scope, err := oauth.ParseScope(text)
	if err != nil {
		return nil, oauth.RefuseBecause(oauth.InvalidClientMetadata, "scope must be at most 200 scope names, separated by one space each", err)
	}
	return scope, nil
}

// MetadataOf returns what a client is registered with (RFC 7591 §3.2.1).
func MetadataOf(c client.Client) Metadata {
	m := Metadata{
		RedirectURIs:                       c.RedirectURIs,
		TokenEndpointAuthMethod:            c.TokenEndpointAuthMethod,
		GrantTypes:                         c.GrantTypes,
		ClientName:                         c.ClientName,
		ClientURI:                          c.ClientURI,
		LogoURI:                            c.LogoURI,
		Scope:                              c.Scope.String(),
		TosURI:                             c.TosURI,
		PolicyURI:                          c.PolicyURI,
		JWKS:                               c.JWKS,
		ApplicationType:                    string(c.ApplicationType),
		IDTokenSignedResponseAlg:           c.IDTokenSignedResponseAlg,
		RequirePushedAuthorizationRequests: c.RequirePushedAuthorizationRequests,
		SubjectType:                        subjectPublic,
	}
	if slices.Contains(c.GrantTypes, oauth.GrantAuthorizationCode) {
		m.ResponseTypes = []string{responseCode}
	}
	return m
}
