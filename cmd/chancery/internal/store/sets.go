package store

import (
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/services/authorize"
	"github.com/chancery-auth/chancery/services/consent"
	"github.com/chancery-auth/chancery/services/directory"
	"github.com/chancery-auth/chancery/services/registry"
	"github.com/chancery-auth/chancery/services/token"
)

// AllSets are the schemas of everything that keeps something.
func AllSets() []migrate.Set { return Sets(roles.All()) }

// Sets are the schemas that the roles use.
func Sets(r roles.Set) []migrate.Set {
	sets := []migrate.Set{migrations.Set(), events.Set()}
	for _, owner := range []struct {
		role string
		set  migrate.Set
	}{
		{roles.Registry, registry.Migrations()},
		{roles.Directory, directory.Migrations()},
		{roles.Consent, consent.Migrations()},
		{roles.Token, token.Migrations()},
		{roles.Authorize, authorize.Migrations()},
	} {
		if r.Has(owner.role) {
			sets = append(sets, owner.set)
		}
	}
	return sets
}

// Pending counts what is not applied.
func Pending(list []migrate.Status) int {
	n := 0
	for _, each := range list {
		if each.Applied.IsZero() {
			n++
		}
	}
	return n
}
