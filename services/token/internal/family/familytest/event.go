package familytest

import (
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func endsAreRecorded(t *testing.T, db Database) {
	trail := db.Audit.Follow(t)
	f, reused := inserted(t, db), inserted(t, db)
	if _, _, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID}, always, 1); err != nil {
		t.Fatal(err)
	}
	trail.Check(t)

	for range 2 {
		end(t, db, f.ID, family.Revoked)
		end(t, db, reused.ID, family.Replayed)
	}
	end(t, db, uuid.New(), family.Revoked)
	trail.Check(t, of(f, event.FamilyEnded, "revoked"), of(reused, event.FamilyReused, ""))

	oldest := inserted(t, db)
	newer := newFamily()
	newer.GrantID = oldest.GrantID
	if _, err := db.Insert(t.Context(), newer, 1); err != nil {
		t.Fatal(err)
	}
	// At one instant either may be the oldest.
	gone := oldest
	if _, err := db.Find(t.Context(), newer.ID); err != nil {
		gone = newer
	}
	trail.Check(t, of(gone, event.FamilyEnded, "evicted"))
}

func of(f family.Family, what event.Type, reason string) event.Event {
	return event.Event{Type: what, FamilyID: f.ID, GrantID: f.GrantID, ClientID: f.ClientID, Sub: f.Sub, Reason: reason}
}

func end(t *testing.T, db Database, id uuid.UUID, why family.Reason) {
	t.Helper()
	if _, err := db.End(t.Context(), id, why); err != nil {
		t.Fatal(err)
	}
}

func unrecordedDoesNotHappen(t *testing.T, db Database) {
	f, rotated := inserted(t, db), inserted(t, db)
	present(t, db, rotated, 0, windowed)
	db.Audit.Break(t)
	if _, _, err := db.Present(t.Context(), family.Presented{FamilyID: rotated.ID}, windowed, 1); err == nil {
		t.Error("a repetition within the window is answered without a record")
	}
	if reuses, err := db.Reuses(t.Context(), []uuid.UUID{rotated.GrantID}); err != nil || len(reuses) != 0 {
		t.Errorf("Reuses() = %v, %v, want none", reuses, err)
	}
	for _, why := range []family.Reason{family.Revoked, family.Replayed} {
		if _, err := db.End(t.Context(), f.ID, why); err == nil {
			t.Error("a family ends without a record")
		}
	}
	another := newFamily()
	another.GrantID = f.GrantID
	if _, err := db.Insert(t.Context(), another, 1); err == nil {
		t.Error("a family is evicted without a record")
	}
	if _, err := db.Find(t.Context(), f.ID); err != nil {
		t.Errorf("Find() = %v", err)
	}
	storetest.CheckLog(t, db.Log)
	inserted(t, db) // needs no record
}
