package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
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
func allRoles() roles {
	return roles{roleGateway, roleAuthorize, roleToken, roleConsent, roleIntrospection, roleRegistry, roleDirectory}
}

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

// keep says whether a role among them keeps something in the database. The
// gateway does not, and introspection only reads restrictions.
func (r roles) keep() bool {
	return slices.ContainsFunc(r, func(name string) bool { return name != roleGateway && name != roleIntrospection })
}

// callees are the roles that a role calls.
func callees(name string) []string {
	switch name {
	case roleGateway:
		return []string{roleAuthorize, roleToken, roleIntrospection, roleRegistry}
	case roleAuthorize:
		return []string{roleRegistry, roleDirectory, roleConsent, roleToken}
	case roleToken:
		return []string{roleRegistry, roleConsent, roleDirectory}
	case roleConsent:
		return []string{roleDirectory}
	case roleIntrospection:
		return []string{roleToken, roleRegistry, roleDirectory}
	default:
		return nil
	}
}

// elsewhere are the roles that these call and that this process does not have.
func (r roles) elsewhere() []string {
	var list []string
	for _, name := range r {
		for _, callee := range callees(name) {
			if !r.has(callee) && !slices.Contains(list, callee) {
				list = append(list, callee)
			}
		}
	}
	return list
}

// callers are the roles as callers of methods.
func (r roles) callers() []grpcserve.Caller {
	list := make([]grpcserve.Caller, len(r))
	for i, name := range r {
		list[i] = grpcserve.Caller(name)
	}
	return list
}
