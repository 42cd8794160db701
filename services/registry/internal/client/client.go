// Package client is the OAuth client as the registry knows it (RFC 6749 §1.1):
// its metadata, the rules they keep, and who may change them.
//
// It knows no wire and no database. The one thing to get right is that what is
// stored has passed every rule of this package: those who read a client later
// rely on it without looking again.
package client

import (
	"context"
	"errors"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// Client is one registered client. The names of its metadata are those of
// RFC 7591 §2.
type Client struct {
	// ClientID is a random UUID, chosen by the registry and never used twice.
	ClientID                string
	ClientName              string
	ApplicationType         oauth.ApplicationType
	TokenEndpointAuthMethod string
	RedirectURIs            []string
	GrantTypes              []string
	// Scope is every scope the client may ask for.
	Scope oauth.Scope
	// DefaultScope is what a request without scope asks for.
	DefaultScope oauth.Scope
	// JWKS is a JWK Set document (RFC 7517 §5); empty for none.
	JWKS                               string
	ClientURI                          string
	LogoURI                            string
	PolicyURI                          string
	TosURI                             string
	RequirePKCE                        bool
	RequirePushedAuthorizationRequests bool
	IDTokenSignedResponseAlg           string
	// Audience is what the client may introspect beside its own tokens.
	Audience []string
	// AccessTokenLifetime and RefreshTokenLifetime are whole seconds; zero is
	// the preset's.
	AccessTokenLifetime  time.Duration
	RefreshTokenLifetime time.Duration
	// RefreshRotation is a rotation by name; empty is the preset's.
	RefreshRotation string
	// RefreshGrace is whole seconds; nil is the preset's.
	RefreshGrace          *time.Duration
	SkipConsent           bool
	Unverified            bool
	RequireRevocationAuth bool

	// What follows is the registry's own and is never taken from a request.

	// Version is the epoch that tokens of the client carry.
	Version int64
	// ScopeVersion grows whenever Scope loses a value.
	ScopeVersion int64
	// Revision grows with each update.
	Revision   int64
	CreateTime time.Time
}

// Confidential reports whether the client authenticates (RFC 6749 §2.1).
func (c Client) Confidential() bool { return c.TokenEndpointAuthMethod != oauth.AuthNone }

var (
	// ErrNotFound is returned for a client that never was, or was deleted.
	ErrNotFound = errors.New("client not found")
	// ErrChanged is returned for an update of a revision that is not the
	// current one.
	ErrChanged = errors.New("client has changed")
)

// Change is what an update does to the stored client.
type Change struct {
	// Client is the client as it shall be. Its Revision is the one that the
	// change was made from.
	Client Client
	// ScopeShrinks says that the scope loses a value.
	ScopeShrinks bool
	// DropSecrets says that no secret of the client is of use any more.
	DropSecrets bool
}

// Cursor is a place in the list of clients. The zero value is before the first.
type Cursor struct {
	CreateTime time.Time
	ClientID   string
}

// Store keeps clients. Implementations are safe for concurrent use, across
// processes too; clienttest.RunStore says what they must do.
//
// An id is compared by its bytes; one that no client has, whatever its form,
// is not found.
type Store interface {
	// Create adds c and, unless nil, its first secret. It returns c with what
	// the registry adds. The id must be new.
	Create(ctx context.Context, c Client, first *clientsecret.Secret) (Client, error)
	// Find reads the primary. Fails with ErrNotFound.
	Find(ctx context.Context, clientID string) (Client, error)
	// List returns up to limit clients after the cursor, oldest first.
	List(ctx context.Context, after Cursor, limit int) ([]Client, error)
	// Update replaces the metadata if the revision is the current one. In the
	// same transaction it logs what the change restricts, and returns that.
	// Fails with ErrNotFound, ErrChanged.
	Update(ctx context.Context, change Change) (Client, []coherent.Restriction, error)
	// Delete removes the client with all that is its own, and logs that every
	// token of it is dead. Fails with ErrNotFound.
	Delete(ctx context.Context, clientID string) ([]coherent.Restriction, error)
}

// Origins knows the web origins of all clients. The implementations of [Store]
// are implementations of Origins too.
type Origins interface {
	// HasOrigin reports whether some client has a redirect URI of the origin.
	HasOrigin(ctx context.Context, origin string) (bool, error)
}
