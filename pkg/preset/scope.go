package preset

import (
	"slices"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
)

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
	Name        string    `yaml:"name" help:"The scope token (RFC 6749 §3.3). Required."`
	Description string    `yaml:"description" help:"Sentence for the consent page, such as \"See your email address\". Required."`
	Group       string    `yaml:"group" help:"Heading it stands under on the consent page. Required."`
	Detail      string    `yaml:"detail" help:"What it allows in detail."`
	Kind        Kind      `yaml:"kind" help:"identity: claims about the user; api: a right of its own; workspace, project: access to those that the user picks; client: a right of the client itself, which no user grants. Required."`
	Level       role.Role `yaml:"level" help:"The most that a scope of the kind workspace or project gives there: viewer, member or admin. The user's own role caps it."`
	Sensitive   bool      `yaml:"sensitive" help:"Marked in words on the consent page: it can change things, or works while the user is away."`
	Claims      []string  `yaml:"claims" help:"Claims that an identity scope opens (OIDC Core §5.4)."`
	Implies     []string  `yaml:"implies" help:"Scopes of the same kind that this one stands for: a client that was allowed it was allowed them. A scope not named here is a permission of its own, whatever its level."`
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
		if len(kinds) == 0 || slices.Contains(kinds, s.Kind) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Grantable returns every scope that a subject can grant.
func (c Catalogue) Grantable() oauth.Scope { return c.Names(Identity, API, Workspace, Project) }

// Claims returns the claims that scope opens, each once.
func (c Catalogue) Claims(scope oauth.Scope) []string {
	var claims []string
	for _, s := range c {
		if !scope.Contains(s.Name) {
			continue
		}
		for _, claim := range s.Claims {
			if !slices.Contains(claims, claim) {
				claims = append(claims, claim)
			}
		}
	}
	return claims
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

// Implied returns scope, and behind it everything else that its values stand for.
func (c Catalogue) Implied(scope oauth.Scope) oauth.Scope {
	all := slices.Clone(scope)
	for i := 0; i < len(all); i++ {
		if s, known := c.Find(all[i]); known {
			all = append(all, oauth.Scope(s.Implies).Without(all...)...)
		}
	}
	return all
}

// Highest returns scope without the values for which another one stands.
func (c Catalogue) Highest(scope oauth.Scope) oauth.Scope {
	var implied oauth.Scope
	for _, name := range scope {
		implied = append(implied, c.Implied(oauth.Scope{name})[1:]...)
	}
	return scope.Without(implied...)
}

// Common returns the most for which each value of scope stands: for the steps of
// one ladder the lowest of them, and for values that have nothing to do with each
// other nothing.
func (c Catalogue) Common(scope oauth.Scope) oauth.Scope {
	common := c.Implied(scope)
	for _, name := range scope {
		common = common.Intersect(c.Implied(oauth.Scope{name}))
	}
	return c.Highest(common)
}
