package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/cmd/chancery/config"
)

// The roles a process may have. Each is also the name by which its certificate
// and the contracts know it.
const (
	roleGateway       = "gateway"
	roleAuthorize     = "authorize"
	roleToken         = "token"
	roleConsent       = "consent"
	roleIntrospection = "introspection"
	roleRegistry      = "registry"
	roleDirectory     = "directory"
)

// roles are what one process runs.
type roles []string

// allRoles are those of the whole system.
func allRoles() roles { return config.Roles() }

// parseRoles reads a list such as "token,consent".
func parseRoles(text string) (roles, error) {
	var list roles
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		switch {
		case !slices.Contains(allRoles(), name):
			return nil, fmt.Errorf("%q is no service: want one or more of %s, separated by commas", name, strings.Join(allRoles(), ", "))
		case list.has(name):
			return nil, fmt.Errorf("%s is named twice", name)
		}
		list = append(list, name)
	}
	return list, nil
}

func (r roles) has(name string) bool { return slices.Contains(r, name) }

// serveGRPC says whether a role among them answers gRPC calls.
func (r roles) serveGRPC() bool {
	return slices.ContainsFunc(r, func(name string) bool { return name != roleGateway })
}
