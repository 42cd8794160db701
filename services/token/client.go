package token

import (
	"fmt"

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
			AccessTokenLifetime: c.GetAccessTokenLifetime().AsDuration(),
			IDTokenAlg:          jwks.Alg(c.GetIdTokenSignedResponseAlg()),
		},
		RedirectURIs:    c.GetRedirectUris(),
		Native:          oauth.ApplicationType(c.GetApplicationType()) == oauth.ApplicationNative,
		Public:          c.GetTokenEndpointAuthMethod() == oauth.AuthNone,
		GrantTypes:      c.GetGrantTypes(),
		Scope:           scope,
		DefaultScope:    byDefault,
		RefreshLifetime: p.Lifetimes.RefreshToken,
	}
	if d := c.GetRefreshTokenLifetime().AsDuration(); d > 0 {
		client.RefreshLifetime = d
	}
	client.Rotation = rotationOf(c, p.Refresh)
	return client, nil
}

func rotationOf(c *registryv1.Client, p preset.Refresh) family.Policy {
	policy := family.Policy{Rotation: family.Rotation(p.Confidential), Threshold: p.Threshold, Grace: p.Grace}
	if c.GetTokenEndpointAuthMethod() == oauth.AuthNone {
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
