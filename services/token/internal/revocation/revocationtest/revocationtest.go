// Package revocationtest says what every store of ended access tokens must do.
package revocationtest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
	"github.com/chancery-auth/chancery/services/token/internal/revocation"
)

// Database is a store, and the restriction log that it appends to.
type Database struct {
	*revocation.Store

	Log   coherent.Source
	Audit eventtest.Audit
}

// RunStore checks a store. newDatabase returns an empty one, and cleans up with
// t.Cleanup.
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
	t.Run("N309 revoking again changes nothing", func(t *testing.T) { revokedOnce(t, newDatabase(t)) })
	t.Run("N309 beyond 64 of a family, one restriction ends them", func(t *testing.T) { coalesced(t, newDatabase(t)) })
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

// rows is how many the restriction log has.
func rows(t *testing.T, db Database) int {
	t.Helper()
	batch, err := coherenttest.Load(t.Context(), db.Log)
	if err != nil {
		t.Fatal(err)
	}
	return len(batch.Entries)
}

func revokedOnce(t *testing.T, db Database) {
	for _, token := range []credential.AccessToken{
		{ID: [16]byte{1}, ClientID: "c1", Sub: "u1", FamilyID: uuid.New()}, {ID: [16]byte{2}, ClientID: "c1"},
	} {
		trail, before := db.Audit.Follow(t), rows(t, db)
		var written atomic.Int64
		storetest.AtOnce(100, func(int) {
			rs, err := db.Revoke(t.Context(), token)
			if err != nil {
				t.Error(err)
			}
			written.Add(int64(len(rs)))
		})
		if got := rows(t, db) - before; got != 1 || written.Load() != 1 {
			t.Errorf("%d rows, %d returned after 100 revocations of one token, want 1", got, written.Load())
		}
		trail.Check(t, revocation.Revoked(token))
	}
}

// coalesced revokes many tokens, oldest first, and asks a state that has joined the
// log about them and others.
func coalesced(t *testing.T, db Database) {
	const tokens, more = coherent.MaxTokens + 2, 10
	mine, other := uuid.New(), uuid.New()
	issued := time.Unix(1_800_000_000, 0)
	token := func(n int, family uuid.UUID) credential.AccessToken {
		return credential.AccessToken{
			ID: [16]byte{byte(n), family[0]}, ClientID: "c1", Sub: "u1", FamilyID: family, //nolint:gosec // small
			IssueTime: issued.Add(time.Duration(n) * time.Second),
		}
	}
	for n := range tokens {
		rs, err := db.Revoke(t.Context(), token(n, mine))
		if err != nil || len(rs) != 1 || rs[0].Kind == coherent.KindFamily != (n >= coherent.MaxTokens) {
			t.Fatalf("token %d: %v, %v", n, rs, err)
		}
	}
	if _, err := db.Revoke(t.Context(), token(0, other)); err != nil {
		t.Fatal(err)
	}
	// What is older than the last that ended has ended with it.
	if rs, err := db.Revoke(t.Context(), token(tokens-1, mine)); err != nil || len(rs) != 0 {
		t.Errorf("the last again: %v, %v", rs, err)
	}
	if got := rows(t, db); got != tokens+1 {
		t.Errorf("%d rows, want %d", got, tokens+1)
	}
	ended := endedBy(t, db)
	for n := range tokens + more {
		if got, want := ended(token(n, mine)), n < tokens; got != want {
			t.Errorf("token %d of the family has ended: %t", n, got)
		}
		if got, want := ended(token(n, other)), n == 0; got != want {
			t.Errorf("token %d of another family has ended: %t", n, got)
		}
	}
}

// endedBy returns whether a token has ended, by all that is in the log.
func endedBy(t *testing.T, db Database) func(credential.AccessToken) bool {
	t.Helper()
	batch, err := coherenttest.Load(t.Context(), db.Log)
	if err != nil {
		t.Fatal(err)
	}
	s := coherent.NewState(0)
	for _, e := range batch.Entries {
		s.Join(e.KeepUntil, e.Restriction)
	}
	return func(c credential.AccessToken) bool {
		return s.TokenRevoked(c.ID) || c.IssueTime.Unix() < s.FamilyEpoch(c.FamilyID)
	}
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
