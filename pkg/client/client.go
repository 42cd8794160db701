// Package client is the OAuth client as the services read it that decide by it: what the
// registry says of it, parsed once.
package client

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// visibilityInternal is that of a client for the members of its workspace alone.
const visibilityInternal = "internal"

// Client is a registered client. It is not changed once it is read.
type Client struct {
	ID   string
	Name string // as users are shown it
	// WorkspaceID is the owner's; empty for none.
	WorkspaceID string
	// Public clients have no credentials (RFC 6749 §2.1).
	Public bool
	// Vetted says that the operators, or the preset, vouch for it.
	Vetted bool
	// Internal clients are for the members of WorkspaceID, who alone may know of them.
	Internal bool
	// SkipConsent is for the platform's own.
	SkipConsent  bool
	RedirectURIs []string
	GrantTypes   []string
	// Scope is every scope that it may ask for.
	Scope oauth.Scope
	// DefaultScope is what a request without scope asks for; empty: the provider's.
	DefaultScope oauth.Scope
	// RequirePKCE is true for every client that does not authenticate: it has nothing
	// else (RFC 9700 §2.1.1).
	RequirePKCE bool
	// RequirePushed refuses what was not pushed (RFC 9126 §6).
	RequirePushed bool
	// AnyLoopbackPort: its loopback redirect URIs match with any port (RFC 8252 §7.3).
	AnyLoopbackPort bool
	// IDTokenAlg is the algorithm of ID tokens; empty: RS256.
	IDTokenAlg jwks.Alg
	// The lifetimes are those of each of its tokens.
	AccessTokenLifetime, RefreshTokenLifetime time.Duration
	Refresh                                   Refresh
	// Version and ScopeVersion are what its tokens are sealed with.
	Version, ScopeVersion int64
	// Said is the client as the registry describes it, for pages and other services.
	Said *registryv1.Client
}

// Of returns the client that the registry describes, with the preset's value where the
// client has none. What is wrong with a client is no fault of the request that it is read
// for, and must not be told as one. Nil is the zero Client: a caller of the release
// before may not say which client it means.
func Of(m *registryv1.Client, p preset.Preset) (Client, error) {
	if m == nil {
		return Client{}, nil
	}
	c := Client{
		ID: m.GetClientId(), Name: m.GetClientName(), WorkspaceID: m.GetWorkspaceId(),
		Public: Public(m), Vetted: Vetted(m), Internal: m.GetVisibility() == visibilityInternal, SkipConsent: m.GetSkipConsent(),
		RedirectURIs: m.GetRedirectUris(), GrantTypes: m.GetGrantTypes(),
		RequirePKCE:     m.RequirePkce == nil || m.GetRequirePkce() || Public(m),
		RequirePushed:   m.GetRequirePushedAuthorizationRequests(),
		AnyLoopbackPort: p.Authorization.VariableLoopbackPort && native(m),
		IDTokenAlg:      jwks.Alg(m.GetIdTokenSignedResponseAlg()),
		Refresh:         refreshOf(m, p),
		Version:         m.GetVersion(), ScopeVersion: m.GetScopeVersion(), Said: m,
	}
	c.AccessTokenLifetime, c.RefreshTokenLifetime = lifetimesOf(m, p)
	var errScope, errDefault error
	c.Scope, errScope = parseScope(m.GetScope())
	c.DefaultScope, errDefault = parseScope(m.GetDefaultScope())
	if err := errors.Join(errScope, errDefault); err != nil {
		return Client{}, fmt.Errorf("read client %s: %w", c.ID, err)
	}
	return c, nil
}

// Owned is [Of] for who issues tokens: an internal client without an owner, or with one
// that cannot be read, would be for everybody, and so is an error.
func Owned(m *registryv1.Client, p preset.Preset) (Client, error) {
	c, err := Of(m, p)
	if err == nil && c.Internal && c.Owner() == uuid.Nil {
		return Client{}, fmt.Errorf("read client %s: it is internal, and has no owner", c.ID)
	}
	return c, err
}

func native(m *registryv1.Client) bool {
	return m.GetApplicationType() == string(oauth.ApplicationNative)
}

// parseScope reads a scope that may be empty.
func parseScope(text string) (oauth.Scope, error) {
	if text == "" {
		return nil, nil
	}
	scope, err := oauth.ParseScope(text)
	if err != nil {
		return nil, errors.New("malformed scope") // without the refusal, which is for clients
	}
	return scope, nil
}

// MembersOf is the workspace whose members alone may use the client; empty for
// one that is not internal.
func (c Client) MembersOf() string {
	if c.Internal {
		return c.WorkspaceID
	}
	return ""
}

// Owner is [Client.MembersOf] as an id; nil for none.
func (c Client) Owner() uuid.UUID {
	id, err := uuid.Parse(c.MembersOf())
	if err != nil {
		return uuid.Nil
	}
	return id
}

// RedirectsTo reports whether uri is one of the redirect URIs (RFC 9700 §2.1).
func (c Client) RedirectsTo(uri string) bool {
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		return oauth.MatchRedirectURI(registered, uri, c.AnyLoopbackPort)
	})
}

// Shown is as what users are shown the client.
func (c Client) Shown() secret.Digest { return secret.DigestOf(c.WorkspaceID + " " + c.Name) }

// Public reports whether c has no credentials (RFC 6749 §2.1): none is the only
// method of such a client.
func Public(c *registryv1.Client) bool { return c.GetTokenEndpointAuthMethod() == oauth.AuthNone }

// Vetted reports whether the operators, or the preset, vouch for c; nobody does for a
// client that is not there. Two releases say it by two fields, and a client is vetted
// only if neither says the opposite: a registry of the release before knows unverified
// alone.
func Vetted(c *registryv1.Client) bool {
	return c != nil && !c.GetUnverified() && (c.Vetted == nil || c.GetVetted())
}
