package client

import (
	"slices"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// The authentication methods of a client are a set, of which it is told one. What
// is kept is that one, and the set if there are others in it, the one that is told
// first. The release before knows the one alone: whoever changes it and says
// nothing of the others ends them.

// AuthMethods returns every method by which the client may authenticate.
func (c Client) AuthMethods() []string {
	return oauth.AuthMethods(c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported)
}

// usesSecrets reports whether a secret is of use to the client.
func (c Client) usesSecrets() bool { return clientsecret.UsedBy(c.AuthMethods()...) }

// withAuthMethods returns a new client with the methods that it names. One that
// names none is told of the usual one; with a secret it may do as its library does.
func (c Client) withAuthMethods(usual string) Client {
	if c.namesNoAuthMethod() {
		c.TokenEndpointAuthMethod = usual
		if clientsecret.UsedBy(usual) {
			c.TokenEndpointAuthMethodsSupported = []string{oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost}
		}
	}
	return c.tidyAuthMethods()
}

// withAuthMethodsOf returns c, a change of old, with the methods that it names.
func (c Client) withAuthMethodsOf(old Client) Client {
	told, all := c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported
	toldAsBefore := told == old.TokenEndpointAuthMethod
	switch {
	case c.namesNoAuthMethod(), toldAsBefore && len(all) == 0:
		c.TokenEndpointAuthMethod = old.TokenEndpointAuthMethod
		c.TokenEndpointAuthMethodsSupported = old.TokenEndpointAuthMethodsSupported
	case told != "" && !toldAsBefore && slices.Equal(all, old.TokenEndpointAuthMethodsSupported):
		// A program that knows no list sends it back as it came.
		c.TokenEndpointAuthMethodsSupported = nil
	}
	return c.tidyAuthMethods()
}

func (c Client) namesNoAuthMethod() bool {
	return c.TokenEndpointAuthMethod == "" && len(c.TokenEndpointAuthMethodsSupported) == 0
}

// tidyAuthMethods returns c with the methods that somebody names as they are kept.
// The method that is told is the first of the list, unless it is named as well. One
// that is not in the list stays outside, for the rules to see.
func (c Client) tidyAuthMethods() Client {
	told, named := c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported
	if told == "" && len(named) > 0 {
		told = named[0]
	}
	var all []string
	if slices.Contains(named, told) {
		all = append(all, told)
	}
	for _, method := range named {
		if !slices.Contains(all, method) {
			all = append(all, method)
		}
	}
	if slices.Equal(all, []string{told}) {
		all = nil
	}
	c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported = told, all
	return c
}
