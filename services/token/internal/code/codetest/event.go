package codetest

import (
	"testing"
	"time"

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
	for range 2 {
		if _, err := db.Replay(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		trail.Check(t, event.Event{Type: event.CodeReused, FamilyID: c.ID, GrantID: c.GrantID, ClientID: "c1", Sub: "u1"})
	}
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
