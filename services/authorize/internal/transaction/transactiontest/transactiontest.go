// Package transactiontest is what every store of pending authorizations must do.
package transactiontest

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedtest"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

// Stores are a store, and the one of pushed requests beside it.
type Stores struct {
	*transaction.Store
	Requests *pushed.Store
}

// RunStore checks a store. newStores returns
// empty ones, and cleans up with t.Cleanup.
func RunStore(t *testing.T, newStores func(t *testing.T) Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Stores)
	}{
		{"find returns what was created", findReturnsCreated},
		{"unknown ids are ErrNotFound", unknownIsNotFound},
		{"a transaction that is over is ErrNotFound", overIsNotFound},
		{"stages are noted one by one", notesStages},
		{"one of many concurrent finishers wins", oneFinisherWins},
		{"a pushed request moves into the transaction", pushedMoves},
		{"one of many concurrent transactions gets the pushed request", onePushedWins},
		{"a pushed request that is over starts nothing", pushedOver},
		{"sweep deletes what is over, and nothing else", sweep},
		{"N314: an address has so many that nobody has seen", addressHasSoMany},
		{"N314: what was seen is pushed out by what was seen alone", viewedAreApart},
		{"N314: what a person has acted on stays", actedStay},
		{"N314: an address has so many that were acted on", actedHaveABound},
		{"N314: many addresses have so many in all", boundInAll},
		{"N314: many at once push each other out, and nobody else", manyAtOnce},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStores(t)) })
	}
}

// example is a transaction of its own.
func example() transaction.Transaction {
	return transaction.Transaction{
		ID:      secret.NewHandle().Reveal(),
		Request: pushedtest.Example("").Request,
		Binding: secret.DigestOf("binding"), AddressBlock: "192.0.2.1/32",
	}
}

func create(t *testing.T, s Stores, tr transaction.Transaction) transaction.Transaction {
	t.Helper()
	if err := s.Create(t.Context(), tr, time.Minute); err != nil {
		t.Fatalf("Create() = %v", err)
	}
	return tr
}

func check(t *testing.T, s Stores, want transaction.Transaction) {
	t.Helper()
	got, err := s.Find(t.Context(), want.ID)
	if err != nil {
		t.Fatalf("Find() = %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Find() differs: %s", diff)
	}
}

func findReturnsCreated(t *testing.T, s Stores) {
	want := create(t, s, example())
	create(t, s, example())
	check(t, s, want)
}

func unknownIsNotFound(t *testing.T, s Stores) {
	known := create(t, s, example())
	for _, id := range []string{
		"", "x", example().ID, strings.ToLower(known.ID), known.ID + "=", known.ID[:42] + "\x00", known.ID[:42] + "\xff",
		strings.Repeat("a", 1<<16), "' OR 1=1 --" + known.ID[11:],
	} {
		if _, err := s.Find(t.Context(), id); !errors.Is(err, transaction.ErrNotFound) {
			t.Errorf("Find(%.60q) = %v", id, err)
		}
		if err := s.Note(t.Context(), id, transaction.Shown, transaction.Seen{Session: uuid.New()}); !errors.Is(err, transaction.ErrNotFound) {
			t.Errorf("Note(%.60q) = %v", id, err)
		}
		if err := s.Finish(t.Context(), id); !errors.Is(err, transaction.ErrNotFound) {
			t.Errorf("Finish(%.60q) = %v", id, err)
		}
	}
	// A transaction that was not pushed is not found by the zero digest either.
	if _, err := s.FindPushed(t.Context(), secret.Digest{}); !errors.Is(err, transaction.ErrNotFound) {
		t.Errorf("FindPushed(zero) = %v", err)
	}
	check(t, s, known)
}

func overIsNotFound(t *testing.T, s Stores) {
	n := pushedtest.Example("a")
	if err := s.Requests.Create(t.Context(), n, 1); err != nil {
		t.Fatal(err)
	}
	over := example()
	over.Pushed = n.Digest
	if err := s.Create(t.Context(), over, 0); err != nil {
		t.Fatalf("Create() = %v", err)
	}
	_, findErr := s.Find(t.Context(), over.ID)
	_, pushedErr := s.FindPushed(t.Context(), n.Digest)
	for name, err := range map[string]error{
		"Find":       findErr,
		"FindPushed": pushedErr,
		"Note":       s.Note(t.Context(), over.ID, transaction.Chosen, transaction.Seen{Session: uuid.New()}),
		"Finish":     s.Finish(t.Context(), over.ID),
	} {
		if !errors.Is(err, transaction.ErrNotFound) {
			t.Errorf("%s(over) = %v", name, err)
		}
	}
}

func notesStages(t *testing.T, s Stores) {
	want := create(t, s, example())
	other := create(t, s, example())
	for _, stage := range []transaction.Stage{
		transaction.SignedIn, transaction.Chosen, transaction.Offered, transaction.Shown,
		transaction.LeftBehind, transaction.Chosen, transaction.SignedIn,
	} {
		in := transaction.Seen{Session: uuid.New(), Client: secret.NewHandle().Digest()}
		if err := s.Note(t.Context(), want.ID, stage, in); err != nil {
			t.Fatalf("Note(%d) = %v", stage, err)
		}
		want.Note(stage, in)
		want.Hold = transaction.Acted
		check(t, s, want)
	}
	check(t, s, other)
}

// race runs f sixteen times at once and expects one success, and lost for the
// rest.
func race(t *testing.T, lost error, f func() error) {
	t.Helper()
	const callers = 16
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, lost):
			t.Errorf("got %v, want %v", err, lost)
		}
	}
	if won != 1 {
		t.Errorf("%d callers won, want 1", won)
	}
}

func oneFinisherWins(t *testing.T, s Stores) {
	tr, other := create(t, s, example()), create(t, s, example())
	race(t, transaction.ErrNotFound, func() error { return s.Finish(t.Context(), tr.ID) })
	check(t, s, other)
}

func pushedMoves(t *testing.T, s Stores) {
	n := pushedtest.Example("a")
	if err := s.Requests.Create(t.Context(), n, 1); err != nil {
		t.Fatal(err)
	}
	tr := example()
	tr.Pushed = n.Digest
	create(t, s, tr)
	check(t, s, tr)
	if got, err := s.FindPushed(t.Context(), n.Digest); err != nil || got.ID != tr.ID {
		t.Errorf("FindPushed() = %v, %v", got.ID, err)
	}
	if _, err := s.Requests.Find(t.Context(), n.Digest); !errors.Is(err, pushed.ErrNotFound) {
		t.Errorf("pushed request is still there: %v", err)
	}
	if err := s.Finish(t.Context(), tr.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FindPushed(t.Context(), n.Digest); !errors.Is(err, transaction.ErrNotFound) {
		t.Errorf("FindPushed(finished) = %v", err)
	}
}

func onePushedWins(t *testing.T, s Stores) {
	n := pushedtest.Example("a")
	if err := s.Requests.Create(t.Context(), n, 1); err != nil {
		t.Fatal(err)
	}
	race(t, pushed.ErrNotFound, func() error {
		tr := example()
		tr.Pushed = n.Digest
		return s.Create(t.Context(), tr, time.Minute)
	})
}

func pushedOver(t *testing.T, s Stores) {
	n := pushedtest.Example("a")
	n.Lifetime = 0
	if err := s.Requests.Create(t.Context(), n, 1); err != nil {
		t.Fatal(err)
	}
	tr := example()
	tr.Pushed = n.Digest
	if err := s.Create(t.Context(), tr, time.Minute); !errors.Is(err, pushed.ErrNotFound) {
		t.Errorf("Create() = %v", err)
	}
	if _, err := s.Find(t.Context(), tr.ID); !errors.Is(err, transaction.ErrNotFound) {
		t.Errorf("Find() = %v", err)
	}
}

func sweep(t *testing.T, s Stores) {
	over := example()
	if err := s.Create(t.Context(), over, 0); err != nil {
		t.Fatal(err)
	}
	live := create(t, s, example())
	if _, err := sweeptest.All(t.Context(), s.Sweeps()...); err != nil {
		t.Fatalf("Sweep() = %v", err)
	}
	check(t, s, live)
	// What was swept can be created anew: the row is gone.
	create(t, s, over)
}
