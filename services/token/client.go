package token

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

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
	owner, err := ownerOf(c)
	if err != nil {
		return exchange.Client{}, fmt.Errorf("parse owner of client: %w", err)
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
		Rotation:        rotationOf(c, p),
		RefreshUnasked:  p.Refresh.Unasked,
		PlatformOwn:     c.GetSkipConsent(),
		Owner:           owner,
	}
	client.AccessTokenLifetime, client.RefreshLifetime = lifetimesOf(c, p)
	return client, nil
}

// lifetimesOf are those of the client's access and refresh tokens: its own, else
// those of its kind, else the preset's.
func lifetimesOf(c *registryv1.Client, p preset.Preset) (access, refresh time.Duration) {
	kind := p.Clients.Kind(c.GetClientKind())
	access = cmp.Or(c.GetAccessTokenLifetime().AsDuration(), kind.AccessToken, p.Lifetimes.AccessToken)
	refresh = cmp.Or(c.GetRefreshTokenLifetime().AsDuration(), kind.RefreshToken, p.Lifetimes.RefreshToken)
	return access, refresh
}

func rotationOf(c *registryv1.Client, p preset.Preset) family.Policy {
	policy := family.Policy{Rotation: family.Rotation(p.Refresh.Confidential), Threshold: p.Refresh.Threshold, Grace: p.Refresh.Grace}
	if clientauth.Public(c) {
		policy.Rotation = family.Rotation(p.Refresh.Public)
	}
	if c.GetRefreshRotation() != "" {
		policy.Rotation = family.Rotation(c.GetRefreshRotation())
	}
	if c.RefreshGrace != nil {
		policy.Grace = c.GetRefreshGrace().AsDuration()
	}
	if policy.Window = windowOf(c, p); policy.Window > 0 {
		policy.Grace = 0
	}
	return policy
}

// visibilityInternal is that of a client for the members of its workspace alone.
const visibilityInternal = "internal"

// ownerOf is the workspace of an internal client; nil for any other. An internal
// client without one would be for everybody, and so is an error.
func ownerOf(c *registryv1.Client) (uuid.UUID, error) {
	if c.GetVisibility() != visibilityInternal {
		return uuid.Nil, nil
	}
	owner, err := uuid.Parse(c.GetWorkspaceId())
	if err == nil && owner == uuid.Nil {
		return uuid.Nil, errors.New("the nil UUID names no workspace")
	}
	return owner, err
}

// windowOf is the client's window, else that of its kind, else the preset's; zero
// for strict.
func windowOf(c *registryv1.Client, p preset.Preset) time.Duration {
	if c.RefreshWindow != nil {
		return c.GetRefreshWindow().AsDuration()
	}
	switch w := cmp.Or(p.Clients.Kind(c.GetClientKind()).Window, p.Refresh.Window); w {
	case preset.WindowStrict:
		return 0
	case preset.WindowAuto:
		return usualWindow(c, p)
	default:
		return time.Duration(w)
	}
}

// longestUsualWindow bounds the window that nobody has asked for.
const longestUsualWindow = 30 * time.Minute

// usualWindow is the window of clients that often run as several processes, beside
// half an access token's life: they all refresh by then. It is no longer than a
// refresh token lives. A client with a grace of its own has already
// said what reuse leads to after it.
func usualWindow(c *registryv1.Client, p preset.Preset) time.Duration {
	several := c.GetClientKind() == preset.KindMCP || oauth.ApplicationType(c.GetApplicationType()) == oauth.ApplicationNative
	if !several || c.RefreshGrace != nil || p.Refresh.Grace == 0 {
		return 0
	}
	access, refresh := lifetimesOf(c, p)
	return min(longestUsualWindow, access/2, refresh)
}

// scopeOf reads a scope that may be empty.
func scopeOf(s string) (oauth.Scope, error) {
	if s == "" {
		return nil, nil
	}
	return oauth.ParseScope(s)
}
