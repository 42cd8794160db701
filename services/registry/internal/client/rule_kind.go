package client

import (
	"slices"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

func applicationTypeKnown(c Client, _ Policy) error {
	switch c.ApplicationType {
	case oauth.ApplicationWeb, oauth.ApplicationNative:
		return nil
	}
	return fault.New(fault.Invalid, "application_type must be web or native")
}

func authMethodsKnown(c Client, _ Policy) error {
	const known = "client_secret_basic, client_secret_post, private_key_jwt or none"
	if !oauth.AuthMethodKnown(c.TokenEndpointAuthMethod) {
		return fault.New(fault.Invalid, "token_endpoint_auth_method must be "+known)
	}
	for _, method := range c.TokenEndpointAuthMethodsSupported {
		if !oauth.AuthMethodKnown(method) {
			return fault.New(fault.Invalid, "token_endpoint_auth_methods_supported must each be "+known)
		}
	}
	return nil
}

func authMethodsAgree(c Client, _ Policy) error {
	all := c.TokenEndpointAuthMethodsSupported
	if len(all) > 0 && !slices.Contains(all, c.TokenEndpointAuthMethod) {
		return fault.New(fault.Invalid, "token_endpoint_auth_methods_supported must have the token_endpoint_auth_method among them")
	}
	return nil
}

// noneStandsAlone: a client that may leave its credentials out has none, whatever
// else it may do.
func noneStandsAlone(c Client, _ Policy) error {
	if all := c.AuthMethods(); len(all) > 1 && slices.Contains(all, oauth.AuthNone) {
		return fault.New(fault.Invalid, "token_endpoint_auth_methods_supported must not have none together with others")
	}
	return nil
}

// nativeHasNoCredentials: a secret that is shipped to every user is none.
func nativeHasNoCredentials(c Client, _ Policy) error {
	if c.ApplicationType == oauth.ApplicationNative && c.Confidential() {
		return fault.New(fault.Invalid, "token_endpoint_auth_method of a native client must be none")
	}
	return nil
}

func assertionsHaveKeys(c Client, _ Policy) error {
	if slices.Contains(c.AuthMethods(), oauth.AuthPrivateKeyJWT) && c.JWKS == "" {
		return fault.New(fault.Invalid, "jwks is required for private_key_jwt")
	}
	return nil
}

// keysUsable looks at the keys of clients that do not use them yet, too: a
// private key in the registry is a leak whoever it is for.
func keysUsable(c Client, _ Policy) error {
	if c.JWKS == "" {
		return nil
	}
	if _, err := jwks.ParsePublicSet([]byte(c.JWKS)); err != nil {
		return fault.New(fault.Invalid, err.Error()) // it names the field, and is written to be shown
	}
	return nil
}

func grantTypesKnown(c Client, _ Policy) error {
	if len(c.GrantTypes) == 0 {
		return fault.New(fault.Invalid, "grant_types must name at least one grant type")
	}
	for i, g := range c.GrantTypes {
		switch g {
		case oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials:
		default:
			return fault.New(fault.Invalid, "grant_types must be of authorization_code, refresh_token and client_credentials")
		}
		if slices.Contains(c.GrantTypes[:i], g) {
			return fault.New(fault.Invalid, "grant_types must not name one twice")
		}
	}
	return nil
}

func clientCredentialsAuthenticated(c Client, _ Policy) error {
	if slices.Contains(c.GrantTypes, oauth.GrantClientCredentials) && !c.Confidential() {
		return fault.New(fault.Invalid, "grant_types of a client without authentication must not have client_credentials")
	}
	return nil
}

func refreshComesFromCode(c Client, _ Policy) error {
	if slices.Contains(c.GrantTypes, oauth.GrantRefreshToken) && !c.usesCodes() {
		return fault.New(fault.Invalid, "grant_types with refresh_token must have authorization_code as well")
	}
	return nil
}

func (c Client) usesCodes() bool {
	return slices.Contains(c.GrantTypes, oauth.GrantAuthorizationCode)
}
