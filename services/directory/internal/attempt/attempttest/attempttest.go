// Package attempttest is what every attempt.Store must do.
package attempttest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

// RunStore checks an implementation of attempt.Store on an empty database.
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

func take(t *testing.T, s directorytest.Stores, key attempt.Key, length time.Duration) attempt.Taken {
	t.Helper()
	taken, err := s.Attempts.Take(t.Context(), key, length)
	if err != nil {
		t.Fatalf("Take() = %v", err)
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
			taken, err := s.Attempts.Take(t.Context(), key, window)
			if err != nil {
				t.Errorf("Take() = %v", err)
			}
			numbers[i] = taken.Number
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
