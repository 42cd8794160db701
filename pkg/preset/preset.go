// Package preset describes a provider as data: which scopes there are and how
// they read to a user, how credentials look and how long they live, and what
// the policies of clients are where a client does not say.
//
// Services take the parts they need by value. Nothing here knows a database, a
// wire or a page.
package preset

import (
	"time"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
)

// Preset is one provider. The zero value is not usable: start from [Default].
type Preset struct {
	Name      string
	Brand     Brand
	Paths     Paths
	Prefixes  Prefixes
	Lifetimes Lifetimes
	Refresh   Refresh
	Consent   Consent
	Scopes    Catalogue
	// Resources are the resource indicators (RFC 8707) that clients may ask for,
	// beside the issuer itself.
	Resources []string
}

// Brand is what the pages show of the platform.
type Brand struct {
	// Name completes the sentence "wants to access your … account".
	Name string
	// LogoFile is an image file shown beside the name; empty for none.
	LogoFile string
	// AccentLight and AccentDark are CSS hex colours for the primary button, each
	// with enough contrast (WCAG AA) on the page of its scheme.
	AccentLight, AccentDark string
}

// Paths are the paths of the public endpoints, each below the issuer's host and
// starting with a slash.
type Paths struct {
	Authorize, Token, PushedAuthorization, Introspect, Revoke, Validate, UserInfo, JWKS string
}

// Prefixes tell credentials apart for people and secret scanners. Each is put
// before the credential with an underscore.
type Prefixes struct {
	AccessToken, RefreshToken, Code, ClientSecret string
}

// Lifetimes are how long credentials live where a client has no value of its own.
type Lifetimes struct {
	AccessToken  time.Duration
	RefreshToken time.Duration
	// RefreshAbsolute bounds a chain of refresh tokens, however often it rotates.
	RefreshAbsolute time.Duration
	// Code is at most 10 minutes (RFC 6749 §4.1.2).
	Code time.Duration
	// PushedRequest is below 10 minutes (RFC 9126 §2.2).
	PushedRequest time.Duration
	// Transaction bounds the time a user takes over sign-in and consent.
	Transaction time.Duration
	IDToken     time.Duration
	// SessionIdle and SessionAbsolute bound a sign-in session.
	SessionIdle, SessionAbsolute time.Duration
}

// LongestAccessToken is how long a restriction must be remembered: no access
// token lives longer, whatever its client's own lifetime says.
const LongestAccessToken = 24 * time.Hour

// RestrictionKeep is how long a restriction is kept: with a margin for a token that
// was being minted when the restriction was made.
const RestrictionKeep = LongestAccessToken + 10*time.Minute

// Refresh is the policy of refresh tokens where a client has none of its own.
type Refresh struct {
	// Confidential and Public name the rotation by kind of client: "always",
	// "threshold" or "never".
	Confidential, Public string
	// Threshold is the part of the lifetime after which "threshold" rotates.
	Threshold float64
	// Grace is how long a predecessor yields the same successor.
	Grace time.Duration
	// MaxFamilies is how many refresh families a grant has; the oldest ends.
	MaxFamilies int
	// NeedsPromptConsent gives no refresh token unless the request had
	// prompt=consent beside offline_access (OIDC Core §11).
	NeedsPromptConsent bool
}

// Consent is the policy of the consent page.
type Consent struct {
	// SkipPublic lets a public client skip the page for what was allowed before.
	// Any program on the user's machine can pose as a public client (RFC 8252 §8.6).
	SkipPublic bool
	// SingleWorkspace lets the user choose exactly one workspace.
	SingleWorkspace bool
}

// Kind says what a scope opens.
type Kind string

// The kinds of scope.
const (
	Identity  Kind = "identity"  // claims about the subject
	API       Kind = "api"       // a right of its own
	Workspace Kind = "workspace" // the workspaces that the subject picks
	Project   Kind = "project"   // the projects that the subject picks
	Client    Kind = "client"    // a right of the client itself, never granted by a subject
)

// Scope is one entry of the catalogue.
type Scope struct {
	Name        string
	Description string // a sentence for the consent page
	Group       string // the heading it stands under
	Detail      string // what it allows in detail
	Kind        Kind
	Level       role.Role // for the kinds Workspace and Project
	Sensitive   bool      // marked in words on the consent page
}

// Catalogue is every scope there is, in order of display.
type Catalogue []Scope

// Find returns the scope of that name.
func (c Catalogue) Find(name string) (Scope, bool) {
	for _, s := range c {
		if s.Name == name {
			return s, true
		}
	}
	return Scope{}, false
}

// Names returns every scope of the given kinds, of all kinds if none is given.
func (c Catalogue) Names(kinds ...Kind) oauth.Scope {
	var names oauth.Scope
	for _, s := range c {
		if len(kinds) == 0 || contains(kinds, s.Kind) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Level returns the highest level that scope has over resources of the kind:
// None when it selects none.
func (c Catalogue) Level(scope oauth.Scope, kind Kind) role.Role {
	level := role.None
	for _, s := range c {
		if s.Kind == kind && scope.Contains(s.Name) {
			level = max(level, s.Level)
		}
	}
	return level
}

// Selective reports whether scope lets the client into resources that the
// subject picks.
func (c Catalogue) Selective(scope oauth.Scope) bool {
	return c.Level(scope, Workspace) != role.None || c.Level(scope, Project) != role.None
}

func contains(kinds []Kind, k Kind) bool {
	for _, kind := range kinds {
		if kind == k {
			return true
		}
	}
	return false
}

// Selectable returns scope without the values that select resources of a kind of
// which there is none: a selection that is empty never means everything.
func (c Catalogue) Selectable(scope oauth.Scope, workspaces, projects int) oauth.Scope {
	var kept oauth.Scope
	for _, name := range scope {
		s, known := c.Find(name)
		switch {
		case known && s.Kind == Workspace && workspaces == 0:
		case known && s.Kind == Project && projects == 0:
		default:
			kept = append(kept, name)
		}
	}
	return kept
}
