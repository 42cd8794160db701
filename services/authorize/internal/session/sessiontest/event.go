package sessiontest

import (
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
)

func changesAreRecorded(t *testing.T, s Store) {
	trail := s.Audit.Follow(t)
	old, _ := create(t, s, example("u1", "old"))
	trail.Check(t, event.Event{Type: event.SessionStarted, SessionID: old.ID, Sub: "u1"})

	n := example("u2", "new")
	n.Replaces = secret.DigestOf("old")
	create(t, s, n)
	trail.Check(t,
		event.Event{Type: event.SessionEnded, SessionID: old.ID, Sub: "u1"},
		event.Event{Type: event.SessionStarted, SessionID: n.ID, Sub: "u2"})

	if err := s.Touch(t.Context(), n.ID); err != nil {
		t.Fatal(err)
	}
	trail.Check(t)
	for _, id := range []uuid.UUID{n.ID, n.ID, uuid.New()} {
		if _, err := s.End(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	trail.Check(t, event.Event{Type: event.SessionEnded, SessionID: n.ID, Sub: "u2"})
}

func unrecordedDoesNotHappen(t *testing.T, s Store) {
	started, _ := create(t, s, example("u1", "c"))
	s.Audit.Break(t)
	if _, err := s.End(t.Context(), started.ID); err == nil {
		t.Error("a session ends without a record")
	}
	n := example("u2", "new")
	n.Replaces = secret.DigestOf("c")
	if _, _, err := s.Create(t.Context(), n); err == nil {
		t.Error("a session starts without a record")
	}
	find(t, s, "c", nil)
	find(t, s, "new", session.ErrNotFound)
	if got := s.Logged(t); len(got) != 0 {
		t.Errorf("logged %v", got)
	}
}
