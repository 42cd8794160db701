package token

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/token/internal/exchange"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/issue"
)

// clientOf is the client as the use cases know it, with the preset's value where
// the client has none.
func clientOf(c *registryv1.Client, p preset.Preset) (exchange.Client, error) {
	scope, err := scopeOf(c.GetScope())
	if err != nil {
		return exchange.Client{}, fmt.Errorf("parse scope of client: %w", err)
	}
	byDefault, err := scopeOf(c.GetDefaultScope())
	if err != nil {
		return exchange.Client{}, fmt.Errorf("parse default scope of client: %w", err)
	}
	client := exchange.Client{
		Client: issue.Client{
			ID: c.GetClientId(), Version: c.GetVersion(), ScopeVersion: c.GetScopeVersion(),
			IDTokenAlg: jwks.Alg(c.GetIdTokenSignedResponseAlg()),
		},
		RedirectURIs:    c.GetRedirectUris(),
		AnyLoopbackPort: p.Authorization.VariableLoopbackPort && oauth.ApplicationType(c.GetApplicationType()) == oauth.ApplicationNative,
		Public:          clientauth.Public(c),
		GrantTypes:      c.GetGrantTypes(),
		Scope:           scope,
		DefaultScope:    byDefault,
		Rotation:        rotationOf(c, p.Refresh),
		RefreshUnasked:  p.Refresh.Unasked,
	}
	client.AccessTokenLifetime, client.RefreshLifetime = lifetimesOf(c, p)
	return client, nil
}

// lifetimesOf are those of the client's access and refresh tokens: its own, else
// those of its kind, else the preset's.
func lifetimesOf(c *registryv1.Client, p preset.Preset) (access, refresh time.Duration) {
	var kind preset.ClientKind
	if i := slices.IndexFunc(p.Clients.Kinds, func(k preset.ClientKind) bool { return k.Name == c.GetClientKind() }); i >= 0 {
		kind = p.Clients.Kinds[i]
	}
	access = cmp.Or(c.GetAccessTokenLifetime().AsDuration(), kind.AccessToken, p.Lifetimes.AccessToken)
	refresh = cmp.Or(c.GetRefreshTokenLifetime().AsDuration(), kind.RefreshToken, p.Lifetimes.RefreshToken)
	return access, refresh
}

func rotationOf(c *registryv1.Client, p preset.Refresh) family.Policy {
	policy := family.Policy{Rotation: family.Rotation(p.Confidential), Threshold: p.Threshold, Grace: p.Grace}
	if clientauth.Public(c) {
		policy.Rotation = family.Rotation(p.Public)
	}
	if c.GetRefreshRotation() != "" {
		policy.Rotation = family.Rotation(c.GetRefreshRotation())
	}
	if c.RefreshGrace != nil {
		policy.Grace = c.GetRefreshGrace().AsDuration()
	}
	return policy
}

// scopeOf reads a scope that may be empty.
func scopeOf(s string) (oauth.Scope, error) {
	if s == "" {
		return nil, nil
	}
	return oauth.ParseScope(s)
}
