// Package attempttest is what every *attempt.Store must do.
package attempttest

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

// RunStore checks a store on an empty database.
func RunStore(t *testing.T, newStores func(*testing.T) directorytest.Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, directorytest.Stores)
	}{
		{"attempts are numbered from 1", numbered},
		{"keys are counted apart", keysApart},
		{"a window that is over is followed by another", windowOver},
		{"a window does not grow with its attempts", windowStays},
		{"clear starts anew, for its key alone", cleared},
		{"clear of nothing is no error", clearedNothing},
		{"attempts are counted for all keys, or for none", allOrNone},
		{"to look is to count nothing", looked},
		{"what is taken back was not counted", returned},
		{"taken back at once with others", returnedConcurrently},
		{"unlock starts anew and leaves a record", unlocked},
		{"sweep forgets what is over and nothing else", swept},
		{"concurrent attempts get numbers of their own", concurrent},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStores(t)) })
	}
}

const (
	window = time.Hour
	// over is the length of a window that has ended when it begins.
	over = -time.Second
)

// of is a count with no limit in sight.
func of(key attempt.Key, length time.Duration) attempt.Count { return limited(key, length, 1000) }

func limited(key attempt.Key, length time.Duration, limit int) attempt.Count {
	return attempt.Count{Key: key, Limit: attempt.Limit{Attempts: limit, Window: length}}
}

func take(t *testing.T, s directorytest.Stores, key attempt.Key, length time.Duration) attempt.Taken {
	t.Helper()
	return takeAll(t, s, of(key, length))[0]
}

func takeAll(t *testing.T, s directorytest.Stores, counts ...attempt.Count) []attempt.Taken {
	t.Helper()
	taken, err := s.Attempts.Take(t.Context(), counts...)
	if err != nil || len(taken) != len(counts) {
		t.Fatalf("Take() = %v, %v", taken, err)
	}
	return taken
}

func wantNumber(t *testing.T, got attempt.Taken, want int) {
	t.Helper()
	if got.Number != want {
		t.Errorf("Take() = number %d, want %d", got.Number, want)
	}
}

func numbered(t *testing.T, s directorytest.Stores) {
	key := attempt.KeyOf("ada", "192.0.2.1/32")
	for want := 1; want <= 12; want++ {
		wantNumber(t, take(t, s, key, window), want)
	}
}

func keysApart(t *testing.T, s directorytest.Stores) {
	take(t, s, attempt.KeyOf("ada", "192.0.2.1/32"), window)
	wantNumber(t, take(t, s, attempt.KeyOf("ada", "192.0.2.2/32"), window), 1)
	wantNumber(t, take(t, s, attempt.KeyOf("Ada", "192.0.2.1/32"), window), 1)
}

func windowOver(t *testing.T, s directorytest.Stores) {
	key := attempt.KeyOf("ada", "")
	take(t, s, key, over)
	wantNumber(t, take(t, s, key, window), 1)
	wantNumber(t, take(t, s, key, window), 2)
}

func windowStays(t *testing.T, s directorytest.Stores) {
	key := attempt.KeyOf("ada", "")
	first := take(t, s, key, time.Minute)
	second := take(t, s, key, window)
	if first.RetryAfter <= 0 || first.RetryAfter > time.Minute {
		t.Errorf("RetryAfter = %v at first, want up to a minute", first.RetryAfter)
	}
	if second.RetryAfter > first.RetryAfter {
		t.Errorf("RetryAfter = %v after %v", second.RetryAfter, first.RetryAfter)
	}
}

func cleared(t *testing.T, s directorytest.Stores) {
	key, other := attempt.KeyOf("ada", "a"), attempt.KeyOf("ada", "b")
	take(t, s, key, window)
	take(t, s, other, window)
	if err := s.Attempts.Clear(t.Context(), key); err != nil {
		t.Fatalf("Clear() = %v", err)
	}
	wantNumber(t, take(t, s, key, window), 1)
	wantNumber(t, take(t, s, other, window), 2)
}

func clearedNothing(t *testing.T, s directorytest.Stores) {
	if err := s.Attempts.Clear(t.Context(), attempt.KeyOf("ada", "")); err != nil {
		t.Errorf("Clear() = %v", err)
	}
}

func other(i int) attempt.Key { return attempt.KeyOf("other", strconv.Itoa(i)) }

func allOrNone(t *testing.T, s directorytest.Stores) {
	account, first, second := attempt.KeyOf("ada"), attempt.KeyOf("a"), attempt.KeyOf("b")
	for want := 1; want <= 3; want++ {
		for _, got := range takeAll(t, s, limited(account, window, 3), limited(first, window, 5)) {
			wantNumber(t, got, want)
		}
	}
	// The account is full: its number says so, and the address is not charged.
	for range 2 {
		got := takeAll(t, s, limited(second, window, 5), limited(account, window, 3))
		wantNumber(t, got[0], 1)
		wantNumber(t, got[1], 4)
		if got[1].RetryAfter <= 0 || got[1].RetryAfter > window {
			t.Errorf("RetryAfter = %v, want up to %v", got[1].RetryAfter, window)
		}
	}
	wantNumber(t, take(t, s, second, window), 1)
	wantNumber(t, take(t, s, first, window), 4)
}

func looked(t *testing.T, s directorytest.Stores) {
	key, ended := attempt.KeyOf("ada"), attempt.KeyOf("ended")
	take(t, s, ended, over)
	look := func(want int) {
		t.Helper()
		got, err := s.Attempts.Look(t.Context(), of(ended, window), of(key, window))
		if err != nil || len(got) != 2 {
			t.Fatalf("Look() = %v, %v", got, err)
		}
		wantNumber(t, got[0], 1)
		wantNumber(t, got[1], want)
		if got[1].RetryAfter <= 0 || got[1].RetryAfter > window {
			t.Errorf("RetryAfter = %v, want up to %v", got[1].RetryAfter, window)
		}
	}
	look(1)
	look(1)
	take(t, s, key, window)
	look(2)
	wantNumber(t, take(t, s, key, window), 2)
}

func returned(t *testing.T, s directorytest.Stores) {
	once, twice, none := attempt.KeyOf("once"), attempt.KeyOf("twice"), attempt.KeyOf("none")
	take(t, s, once, window)
	take(t, s, twice, window)
	take(t, s, twice, window)
	if err := s.Attempts.Return(t.Context(), once, none, twice); err != nil {
		t.Fatalf("Return() = %v", err)
	}
	if n := s.AttemptRows(t); n != 1 {
		t.Errorf("%d rows after Return(), want that of the key with one left", n)
	}
	wantNumber(t, take(t, s, once, window), 1)
	wantNumber(t, take(t, s, twice, window), 2)
	wantNumber(t, take(t, s, none, window), 1)
}

// Everybody who succeeds at once takes one back: nothing is left, and nobody waits
// for another in a circle.
func returnedConcurrently(t *testing.T, s directorytest.Stores) {
	keys := []attempt.Key{attempt.KeyOf("a"), attempt.KeyOf("b"), attempt.KeyOf("c")}
	takeAndReturn := func(keys []attempt.Key) error {
		if _, err := s.Attempts.Take(t.Context(), of(keys[0], window), of(keys[1], window), of(keys[2], window)); err != nil {
			return err
		}
		return s.Attempts.Return(t.Context(), keys...)
	}
	backwards := slices.Clone(keys)
	slices.Reverse(backwards)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			if err := takeAndReturn([][]attempt.Key{keys, backwards}[i%2]); err != nil {
				t.Errorf("Take() or Return() = %v", err)
			}
		})
	}
	wg.Wait()
	for _, key := range keys {
		wantNumber(t, take(t, s, key, window), 1)
	}
}

func unlocked(t *testing.T, s directorytest.Stores) {
	ada := s.Subject(t, "ada")
	key, kept := attempt.KeyOf("ada"), attempt.KeyOf("bob")
	take(t, s, key, window)
	take(t, s, kept, window)
	trail := s.Audit.Follow(t)
	for range 2 {
		if err := s.Attempts.Unlock(t.Context(), key, ada.Sub); err != nil {
			t.Fatalf("Unlock() = %v", err)
		}
		trail.Check(t, event.Event{Type: event.SubjectUnlocked, Sub: ada.Sub})
	}
	wantNumber(t, take(t, s, key, window), 1)
	wantNumber(t, take(t, s, kept, window), 2)
	s.Audit.Break(t)
	if err := s.Attempts.Unlock(t.Context(), key, ada.Sub); err == nil {
		t.Error("an account is unlocked without a record")
	}
	wantNumber(t, take(t, s, key, window), 2)
}

func swept(t *testing.T, s directorytest.Stores) {
	live := attempt.KeyOf("ada", "a")
	take(t, s, live, window)
	take(t, s, attempt.KeyOf("ada", "b"), over)
	if _, err := sweeptest.All(t.Context(), s.Attempts.Sweeps()...); err != nil {
		t.Fatalf("Sweep() = %v", err)
	}
	if n := s.AttemptRows(t); n != 1 {
		t.Errorf("%d rows after Sweep(), want 1", n)
	}
	wantNumber(t, take(t, s, live, window), 2)
}

func concurrent(t *testing.T, s directorytest.Stores) {
	const callers = 16
	var (
		key     = attempt.KeyOf("ada", "")
		numbers = make([]int, callers)
		wg      sync.WaitGroup
	)
	for i := range numbers {
		wg.Go(func() {
			taken, err := s.Attempts.Take(t.Context(), of(key, window), of(other(i), window))
			if err != nil {
				t.Errorf("Take() = %v", err)
				return
			}
			numbers[i] = taken[0].Number
		})
	}
	wg.Wait()
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != i+1 {
			t.Fatalf("numbers are %v, want 1 to %d", numbers, callers)
		}
	}
}
