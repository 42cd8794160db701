// Package roles names the roles that a process can have.
package roles

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
)

// The roles a process may have. Each is also the name by which its certificate
// and the contracts know it.
const (
	Gateway       = "gateway"
	Authorize     = "authorize"
	Token         = "token"
	Consent       = "consent"
	Introspection = "introspection"
	Registry      = "registry"
	Directory     = "directory"
)

// Set are what one process runs.
type Set []string

// All are those of the whole system.
func All() Set { return config.Roles() }

// Parse reads a list such as "token,consent".
func Parse(text string) (Set, error) {
	var list Set
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		switch {
		case !slices.Contains(All(), name):
			return nil, fmt.Errorf("%q is no service: want one or more of %s, separated by commas", name, strings.Join(All(), ", "))
		case list.Has(name):
			return nil, fmt.Errorf("%s is named twice", name)
		}
		list = append(list, name)
	}
	return list, nil
}

// Has says whether name is among them.
func (r Set) Has(name string) bool { return slices.Contains(r, name) }

// ServeGRPC says whether a role among them answers gRPC calls.
func (r Set) ServeGRPC() bool {
	return slices.ContainsFunc(r, func(name string) bool { return name != Gateway })
}
