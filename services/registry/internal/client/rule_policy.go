package client

import (
	"cmp"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

// maxRefreshGrace bounds how long a stolen predecessor could be of use.
const maxRefreshGrace = time.Hour

func scopeKnown(c Client, p Policy) error {
	if !c.Scope.SubsetOf(p.Scopes.Names()) {
		return fault.New(fault.Invalid, "scope must be of the scope catalogue")
	}
	return nil
}

// clientScopeAuthenticated: anybody could use a right of a client that does not
// authenticate.
func clientScopeAuthenticated(c Client, p Policy) error {
	if !c.Confidential() && len(c.Scope.Intersect(p.Scopes.Names(preset.Client))) > 0 {
		return fault.New(fault.Invalid, "scope of a client without authentication must not have rights of the client itself, such as introspect")
	}
	return nil
}

// registeredScope: nobody has vouched for such a client.
func registeredScope(c Client, p Policy) error {
	if c.Registered() && len(c.Scope.Intersect(p.Scopes.Names(preset.Client))) > 0 {
		return fault.New(fault.Invalid, "scope of a client that registers itself must not have rights of the client itself, such as introspect")
	}
	return nil
}

func defaultScopeAllowed(c Client, _ Policy) error {
	if !c.DefaultScope.SubsetOf(c.Scope) {
		return fault.New(fault.Invalid, "default_scope must be part of scope")
	}
	return nil
}

func publicUsesPKCE(c Client, _ Policy) error {
	if !c.RequirePKCE && !c.Confidential() {
		return fault.New(fault.Invalid, "require_pkce of a client without authentication must not be false")
	}
	return nil
}

func usesPKCEWhereMandatory(c Client, p Policy) error {
	if !c.RequirePKCE && p.Clients.PKCEMandatory {
		return fault.New(fault.Invalid, "require_pkce must not be false at this provider")
	}
	return nil
}

func signingAlgKnown(c Client, _ Policy) error {
	switch c.IDTokenSignedResponseAlg {
	case "RS256", "ES256":
		return nil
	}
	return fault.New(fault.Invalid, "id_token_signed_response_alg must be RS256 or ES256")
}

func lifetimesBounded(c Client, p Policy) error {
	lifetimes := []struct {
		value, most time.Duration
		want        string
	}{
		{c.AccessTokenLifetime, preset.LongestAccessToken, "access_token_lifetime must be whole seconds, at most 24 hours"},
		{c.RefreshTokenLifetime, p.RefreshAbsolute, "refresh_token_lifetime must be whole seconds, at most the absolute lifetime of the provider"},
		{orZero(c.RefreshGrace), maxRefreshGrace, "refresh_grace must be whole seconds, at most one hour"},
		{orZero(c.RefreshWindow), preset.LongestWindow, "refresh_window must be whole seconds, at most 24 hours, or zero for strict"},
	}
	for _, l := range lifetimes {
		if l.value < 0 || l.value > l.most || l.value%time.Second != 0 {
			return fault.New(fault.Invalid, l.want)
		}
	}
	return nil
}

// windowFits: with a longer window the token in use could expire before it is
// replaced.
func windowFits(c Client, p Policy) error {
	kind := p.Clients.Kind(c.ClientKind)
	window := time.Duration(cmp.Or(kind.Window, p.RefreshWindow))
	if c.RefreshWindow != nil {
		window = *c.RefreshWindow
	}
	lifetime := cmp.Or(c.RefreshTokenLifetime, kind.RefreshToken, p.RefreshToken)
	if window > lifetime {
		return fault.New(fault.Invalid, fmt.Sprintf("refresh_window must not be longer than refresh_token_lifetime: for this client they are %s and %s",
			strictyaml.Short(window), strictyaml.Short(lifetime)))
	}
	return nil
}

func orZero(d *time.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return *d
}

// The rotations that a client may choose from.
const (
	RotateAlways    = "always"
	RotateThreshold = "threshold"
	RotateNever     = "never"
)

func rotationKnown(c Client, _ Policy) error {
	switch c.RefreshRotation {
	case "", RotateAlways, RotateThreshold, RotateNever:
		return nil
	}
	return fault.New(fault.Invalid, "refresh_rotation must be always, threshold or never")
}

func publicRotates(c Client, _ Policy) error {
	if c.RefreshRotation == RotateNever && !c.Confidential() {
		return fault.New(fault.Invalid, "refresh_rotation of a client without authentication must not be never")
	}
	return nil
}
