// Package sessiontest is what every store of sign-in sessions must do.
package sessiontest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
)

// idle is how long sessions of the suite may be unused.
const idle = time.Hour

// Store is a store, and a look at the restriction log that it writes to.
type Store struct {
	*session.Store
	// Logged returns the ids of the sessions whose end was logged.
	Logged func(t *testing.T) []uuid.UUID
	Audit  eventtest.Audit
}

// RunStore checks a store. newStore returns an empty
// one, and cleans up with t.Cleanup.
func RunStore(t *testing.T, newStore func(t *testing.T) Store) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Store)
	}{
		{"find returns what was created", findReturnsCreated},
		{"unknown digest is ErrNotFound", unknownIsNotFound},
		{"a session ends with its lifetime", endsWithLifetime},
		{"a session ends when it is not used", endsUnused},
		{"a touched session goes on", touchedGoesOn},
		{"sign-in again ends nothing else of the subject", samePersonReplaces},
		{"sign-in of another ends what the first has left", anotherPersonReplaces},
		{"of concurrent sign-ins over one session all get their own", concurrentReplacements},
		{"list is of one subject, newest first", listNewestFirst},
		{"list leaves out what is over", listLeavesOut},
		{"end logs a restriction, twice as well", endTwice},
		{"sweep deletes what is over, and nothing else", sweep},
		{"every change leaves one record, and no change none", changesAreRecorded},
		{"N291 a change without its record does not happen", unrecordedDoesNotHappen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStore(t)) })
	}
}

// example is a session of sub under the digest of cookie.
func example(sub, cookie string) session.New {
	return session.New{
		Session: session.Session{
			ID: uuid.New(), Sub: sub, SubjectVersion: 7,
			UserAgent: "Büro-Browser '\"", AddressBlock: "192.0.2.1/32",
		},
		Digest:   secret.DigestOf(cookie),
		Lifetime: time.Hour,
		Replaces: secret.DigestOf(""),
	}
}

func create(t *testing.T, s Store, n session.New) (session.Session, []coherent.Restriction) {
	t.Helper()
	created, ended, err := s.Create(t.Context(), n)
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	return created, ended
}

func find(t *testing.T, s Store, cookie string, want error) session.Session {
	t.Helper()
	found, err := s.Find(t.Context(), secret.DigestOf(cookie), idle)
	if !errors.Is(err, want) {
		t.Fatalf("Find(%q) = %v, want %v", cookie, err, want)
	}
	return found
}

func findReturnsCreated(t *testing.T, s Store) {
	n := example("u1", "c")
	created, ended := create(t, s, n)
	found := find(t, s, "c", nil)
	if len(ended) != 0 {
		t.Errorf("Create() ended %v", ended)
	}
	if found.Age < 0 || found.Age > time.Minute || found.Idle < 0 || found.Idle > time.Minute {
		t.Errorf("Find() has age %v and idle %v", found.Age, found.Idle)
	}
	if got := found.ExpireTime.Sub(found.AuthTime); got < n.Lifetime-time.Second || got > n.Lifetime+time.Second {
		t.Errorf("Find() expires %v after sign-in", got)
	}
	found.Age, found.Idle, created.Age, created.Idle = 0, 0, 0, 0
	if diff := cmp.Diff(created, found); diff != "" {
		t.Errorf("Create() and Find() differ: %s", diff)
	}
	n.AuthTime, n.ExpireTime = found.AuthTime, found.ExpireTime
	if diff := cmp.Diff(n.Session, found); diff != "" {
		t.Errorf("Find() differs: %s", diff)
	}
}

func unknownIsNotFound(t *testing.T, s Store) {
	create(t, s, example("u1", "c"))
	find(t, s, "C", session.ErrNotFound)
	find(t, s, "", session.ErrNotFound)
	if err := s.Touch(t.Context(), uuid.New()); err != nil {
		t.Errorf("Touch(unknown) = %v", err)
	}
}

func endsWithLifetime(t *testing.T, s Store) {
	over := example("u1", "over")
	over.Lifetime = 0
	create(t, s, over)
	create(t, s, example("u1", "live"))
	find(t, s, "over", session.ErrNotFound)
	find(t, s, "live", nil)
}

func endsUnused(t *testing.T, s Store) {
	create(t, s, example("u1", "c"))
	if _, err := s.Find(t.Context(), secret.DigestOf("c"), 0); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Find(idle 0) = %v", err)
	}
	find(t, s, "c", nil)
}

func touchedGoesOn(t *testing.T, s Store) {
	created, _ := create(t, s, example("u1", "c"))
	before := find(t, s, "c", nil)
	if err := s.Touch(t.Context(), created.ID); err != nil {
		t.Fatalf("Touch() = %v", err)
	}
	after := find(t, s, "c", nil)
	if after.Age < before.Age || after.Idle > after.Age {
		t.Errorf("after Touch() age %v, idle %v; before it age %v", after.Age, after.Idle, before.Age)
	}
}

// Clients that the same person uses in this browser stay signed in.
func samePersonReplaces(t *testing.T, s Store) {
	create(t, s, example("u1", "old"))
	create(t, s, example("u1", "elsewhere"))
	n := example("u1", "new")
	n.Replaces = secret.DigestOf("old")
	if _, ended := create(t, s, n); len(ended) != 0 {
		t.Errorf("Create() ended %v", ended)
	}
	find(t, s, "old", session.ErrNotFound)
	find(t, s, "new", nil)
	find(t, s, "elsewhere", nil)
	if got := s.Logged(t); len(got) != 0 {
		t.Errorf("logged %v", got)
	}
}

func anotherPersonReplaces(t *testing.T, s Store) {
	old, _ := create(t, s, example("u1", "old"))
	n := example("u2", "new")
	n.Replaces = secret.DigestOf("old")
	_, ended := create(t, s, n)
	if diff := cmp.Diff([]coherent.Restriction{coherent.Session(old.ID)}, ended); diff != "" {
		t.Errorf("Create() ended: %s", diff)
	}
	if diff := cmp.Diff([]uuid.UUID{old.ID}, s.Logged(t)); diff != "" {
		t.Errorf("logged: %s", diff)
	}
	find(t, s, "old", session.ErrNotFound)
}

func concurrentReplacements(t *testing.T, s Store) {
	create(t, s, example("u1", "old"))
	const callers = 16
	errs := make([]error, callers)
	cookies := make([]string, callers)
	var wg sync.WaitGroup
	for i := range errs {
		cookies[i] = uuid.NewString()
		n := example("u1", cookies[i])
		n.Replaces = secret.DigestOf("old")
		wg.Go(func() { _, _, errs[i] = s.Create(t.Context(), n) })
	}
	wg.Wait()
	for i := range errs {
		if errs[i] != nil {
			t.Fatalf("Create() = %v", errs[i])
		}
		find(t, s, cookies[i], nil)
	}
	find(t, s, "old", session.ErrNotFound)
}

func listNewestFirst(t *testing.T, s Store) {
	cookies := []string{"a", "b", "c"}
	for _, cookie := range cookies {
		create(t, s, example("u1", cookie))
		create(t, s, example("U1", cookie+"other"))
	}
	list, err := s.List(t.Context(), "u1", idle)
	if err != nil {
		t.Fatalf("List() = %v", err)
	}
	if len(list) != len(cookies) {
		t.Fatalf("List() has %d sessions, want %d", len(list), len(cookies))
	}
	for i := 1; i < len(list); i++ {
		if list[i].AuthTime.After(list[i-1].AuthTime) {
			t.Errorf("List() is not newest first: %v after %v", list[i].AuthTime, list[i-1].AuthTime)
		}
	}
	for _, found := range list {
		if found.Sub != "u1" {
			t.Errorf("List(u1) has a session of %s", found.Sub)
		}
	}
	if none, err := s.List(t.Context(), "nobody", idle); err != nil || len(none) != 0 {
		t.Errorf("List(nobody) = %v, %v", none, err)
	}
}

func listLeavesOut(t *testing.T, s Store) {
	over := example("u1", "over")
	over.Lifetime = 0
	create(t, s, over)
	if list, err := s.List(t.Context(), "u1", idle); err != nil || len(list) != 0 {
		t.Errorf("List() = %v, %v", list, err)
	}
	create(t, s, example("u1", "live"))
	if list, err := s.List(t.Context(), "u1", 0); err != nil || len(list) != 0 {
		t.Errorf("List(idle 0) = %v, %v", list, err)
	}
}

func endTwice(t *testing.T, s Store) {
	created, _ := create(t, s, example("u1", "c"))
	other, _ := create(t, s, example("u1", "other"))
	for range 2 {
		ended, err := s.End(t.Context(), created.ID)
		if err != nil {
			t.Fatalf("End() = %v", err)
		}
		if diff := cmp.Diff([]coherent.Restriction{coherent.Session(created.ID)}, ended); diff != "" {
			t.Errorf("End() differs: %s", diff)
		}
	}
	find(t, s, "c", session.ErrNotFound)
	if found := find(t, s, "other", nil); found.ID != other.ID {
		t.Errorf("Find(other) = %v", found.ID)
	}
	if diff := cmp.Diff([]uuid.UUID{created.ID, created.ID}, s.Logged(t)); diff != "" {
		t.Errorf("logged: %s", diff)
	}
}

func sweep(t *testing.T, s Store) {
	over := example("u1", "over")
	over.Lifetime = 0
	create(t, s, over)
	create(t, s, example("u1", "live"))
	if _, err := sweeptest.All(t.Context(), s.Sweeps(idle)...); err != nil {
		t.Fatalf("Sweep() = %v", err)
	}
	find(t, s, "live", nil)
	// What was swept can be created anew: the row is gone.
	create(t, s, over)
	if _, err := sweeptest.All(t.Context(), s.Sweeps(0)...); err != nil {
		t.Fatalf("Sweep() = %v", err)
	}
	find(t, s, "live", session.ErrNotFound)
}
