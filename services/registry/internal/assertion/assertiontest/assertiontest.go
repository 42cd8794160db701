// Package assertiontest is what every store of used assertions must do.
package assertiontest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion"
)

// RunStore checks a store. newStore returns an
// empty store, and cleans up with t.Cleanup.
func RunStore(t *testing.T, newStore func(t *testing.T) *assertion.Store) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *assertion.Store)
	}{
		{"an assertion is used once", usedOnce},
		{"N117 one of many concurrent uses wins", oneUseWins},
		{"uses of another client or jti are other uses", otherUses},
		{"sweep forgets what expired and nothing else", sweepForgetsExpired},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStore(t)) })
	}
}

// use is one that is not over by any clock.
func use() assertion.Use {
	return assertion.Use{
		ClientID:   "c1",
		JTI:        secret.DigestOf("jti"),
		ExpireTime: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

func check(t *testing.T, s *assertion.Store, u assertion.Use, want error) {
	t.Helper()
	if err := s.Add(t.Context(), u); !errors.Is(err, want) {
		t.Errorf("Add(%+v) = %v, want %v", u, err, want)
	}
}

func usedOnce(t *testing.T, s *assertion.Store) {
	check(t, s, use(), nil)
	check(t, s, use(), assertion.ErrUsed)
	later := use()
	later.ExpireTime = later.ExpireTime.Add(time.Hour)
	check(t, s, later, assertion.ErrUsed)
}

func oneUseWins(t *testing.T, s *assertion.Store) {
	const callers = 16
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = s.Add(t.Context(), use()) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, assertion.ErrUsed):
			t.Errorf("Add() = %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d uses won, want 1", won)
	}
}

func otherUses(t *testing.T, s *assertion.Store) {
	check(t, s, use(), nil)
	for _, clientID := range []string{"C1", "c1 ", "c2"} {
		u := use()
		u.ClientID = clientID
		check(t, s, u, nil)
	}
	u := use()
	u.JTI = secret.DigestOf("JTI")
	check(t, s, u, nil)
}

func sweepForgetsExpired(t *testing.T, s *assertion.Store) {
	over := use()
	over.ClientID, over.ExpireTime = "over", time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	check(t, s, over, nil)
	check(t, s, over, assertion.ErrUsed)
	check(t, s, use(), nil)
	if _, err := sweeptest.All(t.Context(), s.Sweeps()...); err != nil {
		t.Fatalf("Sweep() = %v", err)
	}
	check(t, s, over, nil)
	check(t, s, use(), assertion.ErrUsed)
}
