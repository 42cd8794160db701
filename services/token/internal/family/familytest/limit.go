package familytest

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// insertOlder inserts families of one grant, each seen to be later than the one
// before.
func insertOlder(t *testing.T, db Database, grant uuid.UUID, n int) []family.Family {
	t.Helper()
	var list []family.Family
	for range n {
		f := inserted(t, db, func(f *family.Family) { f.GrantID = grant })
		start := find(t, db, f.ID).ExpireTime
		for later := start; !later.After(start); {
			probe := inserted(t, db)
			later = find(t, db, probe.ID).ExpireTime
		}
		list = append(list, f)
	}
	return list
}

func oldestEnds(t *testing.T, db Database) {
	const limit = 3
	grant := uuid.New()
	other := inserted(t, db)
	list := insertOlder(t, db, grant, limit)
	// A rotation makes no family younger.
	present(t, db, list[0], 0, always)
	next := newFamily()
	next.GrantID = grant
	rs, err := db.Insert(t.Context(), next, limit)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]coherent.Restriction{coherent.Family(list[0].ID, coherent.FamilyEnded).Of(list[0].ClientID)}, rs); diff != "" {
		t.Errorf("Insert() (-want +got):\n%s", diff)
	}
	storetest.CheckLog(t, db.Log, rs...)
	isGone(t, db, list[0].ID)
	for _, f := range append(list[1:], next, other) {
		find(t, db, f.ID)
	}
}

func expiredEndsFirst(t *testing.T, db Database) {
	live := newFamily()
	oldest := insertOlder(t, db, live.GrantID, 1)[0]
	expired := inserted(t, db, func(f *family.Family) { f.GrantID, f.Lifetime = live.GrantID, 0 })
	rs, err := db.Insert(t.Context(), live, 2)
	if err != nil || len(rs) != 1 || string(rs[0].Key) != string(expired.ID[:]) {
		t.Errorf("Insert() = %v, %v, want the expired family to end", rs, err)
	}
	find(t, db, oldest.ID)
	find(t, db, live.ID)
}

func parallelInsertions(t *testing.T, db Database) {
	const callers, limit = 16, 5
	grant := uuid.New()
	before := insertOlder(t, db, grant, 2)
	list := make([]family.Family, callers)
	var mu sync.Mutex
	var restrictions []coherent.Restriction
	storetest.AtOnce(callers, func(i int) {
		list[i] = newFamily()
		list[i].GrantID = grant
		rs, err := db.Insert(t.Context(), list[i], limit)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		restrictions = append(restrictions, rs...)
	})
	alive := 0
	for _, f := range append(list, before...) {
		if _, err := db.Find(t.Context(), f.ID); err == nil {
			alive++
		}
	}
	if alive != limit || len(restrictions) != callers+len(before)-limit {
		t.Errorf("%d families live and %d were ended, want %d and %d", alive, len(restrictions), limit, callers+len(before)-limit)
	}
	for _, f := range before {
		isGone(t, db, f.ID)
	}
	storetest.CheckLog(t, db.Log, restrictions...)
}

func sweep(t *testing.T, db Database) {
	live := inserted(t, db)
	idle := inserted(t, db, func(f *family.Family) { f.Lifetime = 0 })
	over := inserted(t, db, func(f *family.Family) { f.AbsoluteLifetime = 0 })
	if _, err := sweeptest.All(t.Context(), db.Sweeps()...); err != nil {
		t.Fatal(err)
	}
	find(t, db, live.ID)
	isGone(t, db, idle.ID)
	isGone(t, db, over.ID)
	// The id of what was swept is free again; that of what is there is not.
	if _, err := db.Insert(t.Context(), over, 100); err != nil {
		t.Errorf("inserting what was swept: %v", err)
	}
	if _, err := db.Insert(t.Context(), live, 100); err == nil {
		t.Error("a family is inserted twice")
	}
	storetest.CheckLog(t, db.Log)
}
