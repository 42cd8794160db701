// Package client is the OAuth client as the registry knows it (RFC 6749 §1.1):
// its metadata, the rules they keep, and who may change them.
//
// It knows no wire and no database. The one thing to get right is that what is
// stored has passed every rule of this package: those who read a client later
// rely on it without looking again.
package client

import (
	"errors"
	"time"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// Client is one registered client. The names of its metadata are those of
// RFC 7591 §2.
type Client struct {
	// ClientID is a random UUID, chosen by the registry and never used twice.
	ClientID        string
	ClientName      string
	ApplicationType oauth.ApplicationType
	// TokenEndpointAuthMethod is the method that the client is told of.
	TokenEndpointAuthMethod string
	// TokenEndpointAuthMethodsSupported, unless empty, is every method that the
	// client may use, the one above among them (OIDC RP Metadata Choices §2).
	TokenEndpointAuthMethodsSupported []string
	RedirectURIs                      []string
	GrantTypes                        []string
	// Scope is every scope the client may ask for.
	Scope oauth.Scope
	// DefaultScope is what a request without scope asks for.
	DefaultScope oauth.Scope
	// JWKS is a JWK Set document (RFC 7517 §5); empty for none.
	JWKS        string
	ClientURI   string
	LogoURI     string
	PolicyURI   string
	TosURI      string
	RequirePKCE bool
	// PKCEUnsaid says that RequirePKCE is not meant: a new client takes the
	// preset's, and an update keeps the client's. It is never stored.
	PKCEUnsaid                         bool
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
	RefreshGrace *time.Duration
	// RefreshWindow is whole seconds, zero for strict; nil is that of the kind, else
	// the preset's.
	RefreshWindow *time.Duration
	SkipConsent   bool
	// Vetted says that the operators, or the preset, vouch for the client.
	Vetted bool
	// VettedUnsaid says that Vetted is not meant: a new client takes the preset's,
	// and an update keeps the client's. It is never stored.
	VettedUnsaid bool
	// VettedByPreset says that nobody but the preset vouches for the client, which does
	// not hold for a name like that of another owner's. It is never stored.
	VettedByPreset        bool
	RequireRevocationAuth bool
	// Description is for the directory of apps; empty for none.
	Description string
	// WorkspaceID is the workspace that owns the client, a UUID that never
	// changes; empty for a client of the operators, or of nobody.
	WorkspaceID string
	// Visibility says who may authorize the client.
	Visibility Visibility
	// ClientKind is one of the preset's kinds; empty for none in particular.
	ClientKind string

	// What follows is the registry's own and is never taken from a request.

	// RegistrationDigest is of the registration access token (RFC 7592 §3); zero
	// for a client that did not register itself.
	RegistrationDigest secret.Digest
	// LogoDigest names the uploaded logo; zero for none. It changes by itself.
	LogoDigest secret.Digest
	// LastUseTime is when the client last authenticated, accurate to an hour;
	// zero while it never did. It changes by itself.
	LastUseTime time.Time
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

// Registered reports whether the client registered itself (RFC 7591).
func (c Client) Registered() bool { return c.RegistrationDigest != secret.Digest{} }

// Visibility says who may authorize a client.
type Visibility string

// The visibilities.
const (
	Internal Visibility = "internal" // members of its workspace
	Unlisted Visibility = "unlisted" // anybody who has a link
	Public   Visibility = "public"   // anybody, and the directory of apps lists it
)

// MaxApps is how many clients a workspace may own.
const MaxApps = 100

var (
	// ErrNotFound is returned for a client that never was, or was deleted.
	ErrNotFound = errors.New("client not found")
	// ErrChanged is returned for an update of a revision that is not the
	// current one.
	ErrChanged = errors.New("client has changed")
	// ErrTooManyApps is returned for a new client of a workspace that owns as many
	// as it may.
	ErrTooManyApps = errors.New("workspace has too many clients")
	// ErrOwnerEnded is returned for a new client of a workspace that is being
	// deleted, or was.
	ErrOwnerEnded = errors.New("workspace that owns the client has ended")
	// ErrNameHeld is returned for a name that is held for other owners. An owner
	// that has a client of that name, or holds it as well, may use it, and so may
	// the operators.
	ErrNameHeld = errors.New("name is held for the owner of a deleted client")
	// ErrNameVouched is returned for a name that looks like that of another client, which
	// the operators own and vouch for. They may use it.
	ErrNameVouched = errors.New("name looks like that of a client of the operators")
	// ErrTooManyRegistered is returned for a client that registers itself when as
	// many did as may.
	ErrTooManyRegistered = errors.New("too many clients have registered themselves")
)

// Change is what an update does to the stored client.
type Change struct {
	// Client is the client as it shall be. Its Revision is the one that the
	// change was made from.
	Client Client
	// ScopeShrinks says that the scope loses a value.
	ScopeShrinks bool
	// Narrows says that the client becomes one for the members of its workspace, or
	// one whose users are asked: of a token that is out, nobody knows whether it is a
	// member's, or whether its user was.
	Narrows bool
	// DropSecrets says that no secret of the client is of use any more.
	DropSecrets bool
	// NewSecret, unless nil, takes the place of every secret of the client.
	NewSecret *clientsecret.Secret
	// Renames says that the client takes another name, which has to be free.
	Renames bool
}

// Limits are how many clients there may be, a new one included.
type Limits struct {
	// Apps is of those that the client's workspace owns.
	Apps int
	// Registered is of those that registered themselves.
	Registered int
}

// Cursor is a place in the list of clients. The zero value is before the first.
type Cursor struct {
	CreateTime time.Time
	ClientID   string
}

// NamePlace is a place in a list by name. The zero value is before the first.
type NamePlace struct {
	SortKey  string
	ClientID string
}
