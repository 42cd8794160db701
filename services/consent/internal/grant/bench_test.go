package grant

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
)

// BenchmarkLargestGrant has as many workspaces, scopes and resource indicators as a
// grant can: what it takes happens while the row is locked.
func BenchmarkLargestGrant(b *testing.B) {
	var c preset.Catalogue
	for i := range 48 {
		c = append(c, preset.Scope{Name: fmt.Sprint("scope:", i), Kind: preset.Workspace, Level: role.Member})
	}
	var resources []Resource
	for i := range maxSelected {
		var id uuid.UUID
		binary.BigEndian.PutUint64(id[:], uint64(i+1))
		resources = append(resources, Resource{Kind: preset.Workspace, ID: id, WorkspaceID: id, MembershipID: id})
	}
	var audiences []string
	for i := range 10 {
		audiences = append(audiences, fmt.Sprint("https://api.example/", i))
	}
	page := consented{scope: c.Names(), audiences: audiences, identity: x, picked: resources, kinds: Kinds{Workspaces: true}}
	first := changeBy(c, page)(Stored{}).Grant
	page.identity = y
	both := changeBy(c, page)(Stored{Grant: first}).Grant
	lower := sharing{levels: make(map[Resource]level), kinds: page.kinds, identities: []Identity{x, y}}
	for _, r := range resources {
		lower.levels[r] = level{scope: oauth.Scope{"scope:0"}}
	}
	b.Run("consent", func(b *testing.B) {
		for b.Loop() {
			changeBy(c, page)(Stored{Grant: first})
		}
	})
	b.Run("lower", func(b *testing.B) {
		for b.Loop() {
			changeBy(c, lower)(Stored{Grant: both})
		}
	})
	b.Run("yield", func(b *testing.B) {
		for b.Loop() {
			both.yield(c, Claim{Identity: y, Scope: c.Names(), Audiences: audiences, Version: math.MaxInt64})
		}
	})
}
