// Package initialtokentest is what every store of initial access tokens must do.
package initialtokentest

import (
	"bytes"
	order "cmp"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
)

// Stores is what a case stands on, all on one database.
type Stores struct {
	Tokens *initialtoken.Store
	Audit  eventtest.Audit
	// Expire moves the times of a token back, so that it expires now.
	Expire func(t *testing.T, id uuid.UUID)
	// Count returns how many rows there are.
	Count func(t *testing.T) int
}

// RunStore checks an implementation of *initialtoken.Store. open returns empty
// stores, and cleans up with t.Cleanup.
func RunStore(t *testing.T, open func(t *testing.T) Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Stores)
	}{
		{"what was created is found and listed, oldest first", createdIsFound},
		{"unknown is not found", unknownIsNotFound},
		{"expired is not found, and swept", expiredIsNotFound},
		{"revoked is not found", revokedIsNotFound},
		{"of many concurrent tokens a hundred are kept", hundredKept},
		{"expired tokens leave room", expiredLeaveRoom},
		{"every change leaves one record, and a failed one none", changesAreRecorded},
		{"N291 a change without its record does not happen", unrecordedDoesNotHappen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

func create(t *testing.T, s Stores) initialtoken.Token {
	t.Helper()
	made, _ := initialtoken.New("test")
	kept, err := s.Tokens.Create(t.Context(), made, time.Hour)
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	return kept
}

func list(t *testing.T, s Stores) []initialtoken.Token {
	t.Helper()
	l, err := s.Tokens.List(t.Context())
	if err != nil {
		t.Fatalf("List() = %v", err)
	}
	return l
}

func wantFound(t *testing.T, s Stores, token initialtoken.Token) {
	t.Helper()
	got, err := s.Tokens.Find(t.Context(), token.Digest)
	if err != nil {
		t.Fatalf("Find() = %v", err)
	}
	if diff := cmp.Diff(token, got); diff != "" {
		t.Errorf("Find() (-want +got):\n%s", diff)
	}
}

func wantNotFound(t *testing.T, s Stores, token initialtoken.Token) {
	t.Helper()
	if _, err := s.Tokens.Find(t.Context(), token.Digest); !errors.Is(err, initialtoken.ErrNotFound) {
		t.Errorf("Find() = %v, want %v", err, initialtoken.ErrNotFound)
	}
	if err := s.Tokens.Revoke(t.Context(), token.ID); !errors.Is(err, initialtoken.ErrNotFound) {
		t.Errorf("Revoke() = %v, want %v", err, initialtoken.ErrNotFound)
	}
}

func createdIsFound(t *testing.T, s Stores) {
	if got := list(t, s); len(got) != 0 {
		t.Errorf("List() = %v before the first, want none", got)
	}
	var want []initialtoken.Token
	for range 3 {
		token := create(t, s)
		if got := token.ExpireTime.Sub(token.CreateTime); got != time.Hour {
			t.Errorf("lifetime = %v, want an hour", got)
		}
		wantFound(t, s, token)
		want = append(want, token)
	}
	// The clock of SQLite ticks once a millisecond; tokens of one tick have the order of
	// their ids.
	slices.SortFunc(want, func(a, b initialtoken.Token) int {
		return order.Or(a.CreateTime.Compare(b.CreateTime), bytes.Compare(a.ID[:], b.ID[:]))
	})
	if diff := cmp.Diff(want, list(t, s)); diff != "" {
		t.Errorf("List() (-want +got):\n%s", diff)
	}
}

func unknownIsNotFound(t *testing.T, s Stores) {
	known := create(t, s)
	other, _ := initialtoken.New("test")
	wantNotFound(t, s, other)
	wantNotFound(t, s, initialtoken.Token{Digest: secret.Digest{}})
	wantFound(t, s, known)
}

func expiredIsNotFound(t *testing.T, s Stores) {
	old, good := create(t, s), create(t, s)
	s.Expire(t, old.ID)
	wantNotFound(t, s, old)
	if got := list(t, s); len(got) != 1 || got[0].ID != good.ID {
		t.Errorf("List() = %v, want the good one", got)
	}
	if n := s.Count(t); n != 2 {
		t.Errorf("%d rows before the sweep, want 2", n)
	}
	if _, err := sweeptest.All(t.Context(), s.Tokens.Sweeps()...); err != nil {
		t.Fatalf("Sweep() = %v", err)
	}
	if n := s.Count(t); n != 1 {
		t.Errorf("%d rows after the sweep, want 1", n)
	}
	wantFound(t, s, good)
}

func revokedIsNotFound(t *testing.T, s Stores) {
	gone, good := create(t, s), create(t, s)
	if err := s.Tokens.Revoke(t.Context(), gone.ID); err != nil {
		t.Fatalf("Revoke() = %v", err)
	}
	wantNotFound(t, s, gone)
	wantFound(t, s, good)
}

func hundredKept(t *testing.T, s Stores) {
	for range initialtoken.Max - 4 {
		create(t, s)
	}
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			made, _ := initialtoken.New("test")
			_, errs[i] = s.Tokens.Create(t.Context(), made, time.Hour)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, initialtoken.ErrTooMany) {
			t.Errorf("Create() = %v", err)
		}
	}
	if n := len(list(t, s)); n != initialtoken.Max {
		t.Errorf("%d tokens kept, want %d", n, initialtoken.Max)
	}
}

func expiredLeaveRoom(t *testing.T, s Stores) {
	old := create(t, s)
	for range initialtoken.Max - 1 {
		create(t, s)
	}
	made, _ := initialtoken.New("test")
	if _, err := s.Tokens.Create(t.Context(), made, time.Hour); !errors.Is(err, initialtoken.ErrTooMany) {
		t.Errorf("Create() beyond the most = %v, want %v", err, initialtoken.ErrTooMany)
	}
	s.Expire(t, old.ID)
	create(t, s)
}

func changesAreRecorded(t *testing.T, s Stores) {
	trail := s.Audit.Follow(t)
	token := create(t, s)
	trail.Check(t, event.Event{Type: event.InitialTokenCreated, SecretID: token.ID})

	wantFound(t, s, token)
	if err := s.Tokens.Revoke(t.Context(), uuid.New()); !errors.Is(err, initialtoken.ErrNotFound) {
		t.Errorf("Revoke(unknown) = %v", err)
	}
	if _, err := sweeptest.All(t.Context(), s.Tokens.Sweeps()...); err != nil {
		t.Fatal(err)
	}
	trail.Check(t)

	if err := s.Tokens.Revoke(t.Context(), token.ID); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, event.Event{Type: event.InitialTokenRevoked, SecretID: token.ID})
}

func unrecordedDoesNotHappen(t *testing.T, s Stores) {
	token := create(t, s)
	s.Audit.Break(t)
	if err := s.Tokens.Revoke(t.Context(), token.ID); err == nil {
		t.Error("a token is revoked without a record")
	}
	made, _ := initialtoken.New("test")
	if _, err := s.Tokens.Create(t.Context(), made, time.Hour); err == nil {
		t.Error("a token is created without a record")
	}
	if got := list(t, s); len(got) != 1 || got[0].ID != token.ID {
		t.Errorf("tokens are %v, want the first alone", got)
	}
}
