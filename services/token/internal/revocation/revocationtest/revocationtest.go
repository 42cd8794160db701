// Package revocationtest says what every store of ended access tokens must do.
package revocationtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
	"github.com/chancery-auth/chancery/services/token/internal/revocation"
)

// Database is a store, and the restriction log that it appends to.
type Database struct {
	revocation.Store

	Log   coherent.Source
	Audit eventtest.Audit
}

// RunStore checks an implementation of revocation.Store. newDatabase returns an
// empty one, and cleans up with t.Cleanup.
func RunStore(t *testing.T, newDatabase func(t *testing.T) Database) {
	t.Run("what is returned is what is logged", func(t *testing.T) {
		db := newDatabase(t)
		storetest.CheckLog(t, db.Log)
		first, second := [16]byte{1}, [16]byte{15: 1}
		rs := append(revoke(t, db, first), revoke(t, db, second)...)
		if diff := cmp.Diff([]coherent.Restriction{coherent.Token(first), coherent.Token(second)}, rs); diff != "" {
			t.Errorf("Revoke() (-want +got):\n%s", diff)
		}
		storetest.CheckLog(t, db.Log, rs...)
	})
	t.Run("N183 revoking again is no error", func(t *testing.T) {
		db := newDatabase(t)
		rs := append(revoke(t, db, [16]byte{1}), revoke(t, db, [16]byte{1})...)
		storetest.CheckLog(t, db.Log, rs...)
	})
	t.Run("16 revocations at once all hold", func(t *testing.T) {
		db := newDatabase(t)
		storetest.AtOnce(16, func(i int) { revoke(t, db, [16]byte{byte(i)}) }) //nolint:gosec // small
		var want []coherent.Restriction
		for i := range byte(16) {
			want = append(want, coherent.Token([16]byte{i}))
		}
		storetest.CheckLog(t, db.Log, want...)
	})
	t.Run("every revocation leaves one record", func(t *testing.T) { recorded(t, newDatabase(t)) })
	t.Run("N291 a revocation without its record does not happen", func(t *testing.T) {
		db := newDatabase(t)
		db.Audit.Break(t)
		if rs, err := db.Revoke(t.Context(), credential.AccessToken{ID: [16]byte{1}}); err == nil || len(rs) != 0 {
			t.Errorf("Revoke() = %v, %v, want an error", rs, err)
		}
		storetest.CheckLog(t, db.Log)
	})
}

func recorded(t *testing.T, db Database) {
	trail := db.Audit.Follow(t)
	token := credential.AccessToken{ID: [16]byte{1}, ClientID: "c1", Sub: "u1", GrantID: uuid.New(), FamilyID: uuid.New()}
	own := credential.AccessToken{ID: [16]byte{2}, ClientID: "c1"}
	for _, each := range []credential.AccessToken{token, own} {
		if _, err := db.Revoke(t.Context(), each); err != nil {
			t.Fatal(err)
		}
	}
	trail.Check(t,
		event.Event{Type: event.TokenRevoked, ClientID: "c1", Sub: "u1", GrantID: token.GrantID, FamilyID: token.FamilyID},
		event.Event{Type: event.TokenRevoked, ClientID: "c1"})
}

func revoke(t *testing.T, db Database, id [16]byte) []coherent.Restriction {
	t.Helper()
	rs, err := db.Revoke(t.Context(), credential.AccessToken{ID: id})
	if err != nil {
		t.Error(err)
	}
	return rs
}
