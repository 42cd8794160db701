package codetest

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/token/internal/code"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func replaysAreRecorded(t *testing.T, db Database) {
	trail := db.Audit.Follow(t)
	c, f := newCode(t, db, time.Minute)
	c.ClientID, c.Sub = "c1", "u1"
	bare, _ := newCode(t, db, time.Minute)
	redeem(t, db, c, f, nil)
	redeem(t, db, c, f, code.ErrRedeemed)
	redeem(t, db, bare, nil, nil)
	trail.Check(t)
	if _, err := db.Replay(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, event.Event{Type: event.CodeReused, FamilyID: c.ID, GrantID: c.GrantID, ClientID: "c1", Sub: "u1"})
	// N309: again, and at once, is no change.
	before, err := coherenttest.Load(t.Context(), db.Log)
	if err != nil {
		t.Fatal(err)
	}
	storetest.AtOnce(64, func(int) {
		if rs, err := db.Replay(t.Context(), c); err != nil || len(rs) != 0 {
			t.Errorf("a replay after the first = %v, %v", rs, err)
		}
	})
	after, err := coherenttest.Load(t.Context(), db.Log)
	if err != nil || len(after.Entries) != len(before.Entries) {
		t.Errorf("%d rows after 64 more replays, %v, want %d", len(after.Entries), err, len(before.Entries))
	}
	trail.Check(t)
	if _, err := db.Replay(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, event.Event{Type: event.CodeReused, FamilyID: bare.ID, GrantID: bare.GrantID})
}

func unrecordedDoesNotHappen(t *testing.T, db Database) {
	c, f := newCode(t, db, time.Minute)
	redeem(t, db, c, f, nil)
	db.Audit.Break(t)
	if _, err := db.Replay(t.Context(), c); err == nil {
		t.Error("a replay ends a family without a record")
	}
	if !alive(t, db, c.ID) {
		t.Error("the family ended")
	}
	storetest.CheckLog(t, db.Log)
	other, otherFamily := newCode(t, db, time.Minute)
	redeem(t, db, other, otherFamily, nil) // needs no record
}
