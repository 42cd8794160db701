package client

import (
	"slices"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// withDefaults returns a new client, where what is empty has its default.
func (c Client) withDefaults(catalogue preset.Catalogue) Client {
	if c.ApplicationType == "" {
		c.ApplicationType = oauth.ApplicationWeb
	}
	if c.TokenEndpointAuthMethod == "" {
		c.TokenEndpointAuthMethod = defaultAuthMethod(c.ApplicationType)
	}
	if len(c.GrantTypes) == 0 {
		c.GrantTypes = defaultGrantTypes(c)
	}
	if len(c.Scope) == 0 && slices.Contains(c.GrantTypes, oauth.GrantAuthorizationCode) {
		c.Scope = catalogue.Names(preset.Identity, preset.Workspace, preset.Project)
	}
	return c.withDefaultAlg()
}

func defaultAuthMethod(t oauth.ApplicationType) string {
	if t == oauth.ApplicationNative {
		return oauth.AuthNone
	}
	return oauth.AuthClientSecretBasic // RFC 7591 §2
}

func defaultGrantTypes(c Client) []string {
	if len(c.RedirectURIs) == 0 && c.Confidential() {
		return []string{oauth.GrantClientCredentials}
	}
	return []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}
}

// asUpdateOf returns c as the next revision of old. An empty scope or list is
// meant: an update that leaves one out must not widen what the client may do.
// Only the two fields that every client has one of stay as they were.
func (c Client) asUpdateOf(old Client) Client {
	if c.ApplicationType == "" {
		c.ApplicationType = old.ApplicationType
	}
	if c.TokenEndpointAuthMethod == "" {
		c.TokenEndpointAuthMethod = old.TokenEndpointAuthMethod
	}
	return c.withDefaultAlg()
}

func (c Client) withDefaultAlg() Client {
	if c.IDTokenSignedResponseAlg == "" {
		c.IDTokenSignedResponseAlg = "RS256" // OIDC Registration §2
	}
	return c
}
