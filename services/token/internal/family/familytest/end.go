package familytest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func ended(t *testing.T, db Database) {
	f, other := inserted(t, db), inserted(t, db)
	rs, err := db.End(t.Context(), f.ID, family.Revoked)
	if err != nil {
		t.Fatal(err)
	}
	isGone(t, db, f.ID)
	find(t, db, other.ID)
	want := []coherent.Restriction{coherent.Family(f.ID, coherent.FamilyEnded).Of(f.ClientID)}
	if diff := cmp.Diff(want, rs); diff != "" {
		t.Errorf("End() (-want +got):\n%s", diff)
	}
	storetest.CheckLog(t, db.Log, rs...)
	unknown := uuid.New()
	more, err := db.End(t.Context(), unknown, family.Revoked)
	if err != nil {
		t.Errorf("ending one that never was: %v", err)
	}
	storetest.CheckLog(t, db.Log, append(rs, more...)...)
	// N309: again is no change.
	for _, id := range []uuid.UUID{f.ID, unknown} {
		storetest.AtOnce(16, func(int) {
			if again, err := db.End(t.Context(), id, family.Revoked); err != nil || len(again) != 0 {
				t.Errorf("ending it again: %v, %v", again, err)
			}
		})
	}
	batch, err := coherenttest.Load(t.Context(), db.Log)
	if err != nil || len(batch.Entries) != 2 {
		t.Errorf("%d rows, %v, want one of each family", len(batch.Entries), err)
	}
}

func endAgainstPresentations(t *testing.T, db Database) {
	for range 20 {
		f := inserted(t, db)
		storetest.AtOnce(8, func(i int) {
			if i == 0 {
				if _, err := db.End(t.Context(), f.ID, family.Revoked); err != nil {
					t.Error(err)
				}
				isGone(t, db, f.ID)
				return
			}
			_, _, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID}, always, 1)
			if err != nil && !errors.Is(err, family.ErrNotFound) {
				t.Error(err)
			}
		})
		isGone(t, db, f.ID)
	}
}
