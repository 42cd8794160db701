package keytest

import (
	"errors"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func named(s key.Successor, id string) key.Successor {
	s.ID = id
	return s
}

func changesAreRecorded(t *testing.T, db Database) {
	trail := db.Audit.Follow(t)
	for _, want := range []error{nil, key.ErrExists} {
		if err := db.Create(t.Context(), key.Sealing, first.ID, []byte{1}); !errors.Is(err, want) {
			t.Errorf("Create() = %v, want %v", err, want)
		}
	}
	create(t, db.Store, key.ES256)
	trail.Check(t,
		event.Event{Type: event.KeyCreated, KeyID: first.ID, Reason: "sealing"},
		event.Event{Type: event.KeyCreated, KeyID: "first", Reason: "signing"})

	signing := key.Successor{Purpose: key.ES256, Generation: 2, ID: "second", Ciphertext: []byte{2}, Lead: time.Minute}
	rotate(t, db.Store, named(sealing(2), "00000008"), signing)
	trail.Check(t,
		event.Event{Type: event.KeyCreated, KeyID: "00000008", Reason: "sealing"},
		event.Event{Type: event.KeyCreated, KeyID: "second", Reason: "signing"})
	signing.Generation = 3
	if _, err := db.Rotate(t.Context(), named(sealing(3), "00000009"), signing); !errors.Is(err, key.ErrHasNext) {
		t.Errorf("Rotate() = %v, want ErrHasNext", err)
	}
	if _, err := db.Retire(t.Context(), key.Name{Purpose: key.Sealing, Generation: 2, ID: "00000008"}); !errors.Is(err, key.ErrInUse) {
		t.Errorf("Retire() = %v, want ErrInUse", err)
	}
	trail.Check(t)
	rotate(t, db.Store, key.Successor{Purpose: key.ES256, Generation: 2, ID: "unused"})
	trail.Check(t)

	for range 2 {
		if _, err := db.Retire(t.Context(), first, coherent.SealingKey(7)); err != nil {
			t.Fatal(err)
		}
	}
	trail.Check(t, event.Event{Type: event.KeyRetired, KeyID: first.ID, Reason: "sealing"})
}

func unrecordedDoesNotHappen(t *testing.T, db Database) {
	create(t, db.Store, key.Sealing)
	rotate(t, db.Store, sealing(2))
	db.Audit.Break(t)
	if _, err := db.Retire(t.Context(), first, coherent.SealingKey(7)); err == nil {
		t.Error("a key is retired without a record")
	}
	if _, err := db.Rotate(t.Context(), sealing(3)); err == nil {
		t.Error("a key is rotated without a record")
	}
	if err := db.Create(t.Context(), key.ES256, "x", []byte{1}); err == nil {
		t.Error("a key is created without a record")
	}
	check(t, db.Store, key.Sealing, 1, 2)
	check(t, db.Store, key.ES256)
	storetest.CheckLog(t, db.Log)
}
