package transactiontest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

// Bounds are those of the stores that [RunStore] checks. Races of its other tests have
// room in them.
func Bounds() transaction.Bounds { return transaction.Bounds{PerAddress: 20, InAll: 50} }

// from is an example that was begun somewhere.
func from(block string) transaction.Transaction {
	tr := example()
	tr.AddressBlock = block
	return tr
}

// begun counts what [flood] has begun.
var begun atomic.Int64

// flood begins n more from a block, and returns them, the oldest first. Each ends some
// time after the one before it, also by a clock that counts milliseconds.
func flood(t *testing.T, s Stores, block string, n int) (all []transaction.Transaction) {
	t.Helper()
	for range n {
		tr := from(block)
		if err := s.Create(t.Context(), tr, time.Minute+time.Duration(begun.Add(1))*10*time.Millisecond); err != nil {
			t.Fatalf("Create() = %v", err)
		}
		all = append(all, tr)
	}
	return all
}

// remain is how many of the list are there.
func remain(t *testing.T, s Stores, list []transaction.Transaction) (n int) {
	t.Helper()
	for _, tr := range list {
		switch _, err := s.Find(t.Context(), tr.ID); {
		case err == nil:
			n++
		case !errors.Is(err, transaction.ErrNotFound):
			t.Fatalf("Find() = %v", err)
		}
	}
	return n
}

func view(t *testing.T, s Stores, tr transaction.Transaction) {
	t.Helper()
	if err := s.View(t.Context(), tr.ID); err != nil {
		t.Fatalf("View() = %v", err)
	}
}

func addressHasSoMany(t *testing.T, s Stores) {
	other := create(t, s, from("192.0.2.2/32"))
	n := Bounds().PerAddress
	first := flood(t, s, "192.0.2.1/32", n)
	if got := remain(t, s, first); got != n {
		t.Errorf("%d of %d are there", got, n)
	}
	more := flood(t, s, "192.0.2.1/32", 3)
	if gone := first[:3]; remain(t, s, gone) != 0 {
		t.Error("the oldest are there")
	}
	if got := remain(t, s, append(first, more...)); got != n {
		t.Errorf("%d are there, want %d", got, n)
	}
	check(t, s, other)
}

func viewedAreApart(t *testing.T, s Stores) {
	for _, block := range []string{"192.0.2.1/32", ""} { // also of who has no address
		n := Bounds().PerAddress
		shown := create(t, s, from(block))
		view(t, s, shown)
		view(t, s, shown)
		shown.Hold = transaction.Viewed
		flood(t, s, block, 2*n)
		check(t, s, shown)
		for _, tr := range flood(t, s, block, n) {
			view(t, s, tr)
		}
		if remain(t, s, []transaction.Transaction{shown}) != 0 {
			t.Errorf("there are more from %q that were seen than may be", block)
		}
	}
	if err := s.View(t.Context(), example().ID); err != nil {
		t.Errorf("View(unknown) = %v", err)
	}
}

func actedStay(t *testing.T, s Stores) {
	n := Bounds().PerAddress
	var held []transaction.Transaction
	for _, stage := range []transaction.Stage{transaction.Tried, transaction.SignedIn, transaction.Offered, transaction.Shown} {
		tr := create(t, s, from("192.0.2.1/32"))
		in := transaction.Seen{Session: uuid.New(), Client: secret.NewHandle().Digest()}
		if err := s.Note(t.Context(), tr.ID, stage, in); err != nil {
			t.Fatal(err)
		}
		tr.Note(stage, in)
		tr.Hold = transaction.Acted
		held = append(held, tr)
	}
	for _, tr := range flood(t, s, "192.0.2.1/32", 3*n) {
		view(t, s, tr)
	}
	for i := range 2 * Bounds().InAll {
		flood(t, s, fmt.Sprintf("198.51.100.%d/32", i), 1)
	}
	for _, tr := range held {
		view(t, s, tr) // takes nothing from it
		check(t, s, tr)
	}
}

// Whoever has an account has no more room than others.
func actedHaveABound(t *testing.T, s Stores) {
	n := Bounds().PerAddress
	var all []transaction.Transaction
	for range 3 * n {
		tr := create(t, s, from("192.0.2.1/32"))
		all = append(all, tr)
		if err := s.Note(t.Context(), tr.ID, transaction.Shown, transaction.Seen{Session: uuid.New()}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * n {
		view(t, s, create(t, s, from("192.0.2.1/32")))
	}
	if got := remain(t, s, all); got != n {
		t.Errorf("%d that were acted on are there, want %d", got, n)
	}
	if got := remain(t, s, all[:n]); got != n {
		t.Errorf("%d of the first are there, want %d", got, n)
	}
}

func boundInAll(t *testing.T, s Stores) {
	const addresses = 80
	var all []transaction.Transaction
	for i := range addresses {
		all = append(all, flood(t, s, fmt.Sprintf("2001:db8:0:%x::/64", i), 1)...)
	}
	n := Bounds().InAll
	if got := remain(t, s, all); got != n {
		t.Errorf("%d are there, want %d", got, n)
	}
	if got := remain(t, s, all[addresses-n:]); got != n {
		t.Errorf("%d of the last are there, want %d", got, n)
	}
}

func manyAtOnce(t *testing.T, s Stores) {
	const callers, each = 8, 30
	other := create(t, s, from("192.0.2.2/32"))
	var mu sync.Mutex
	var all []transaction.Transaction
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				tr := from("192.0.2.1/32")
				if err := s.Create(t.Context(), tr, time.Minute); err != nil {
					t.Errorf("Create() = %v", err)
				}
				if err := s.View(t.Context(), tr.ID); err != nil {
					t.Errorf("View() = %v", err)
				}
				mu.Lock()
				all = append(all, tr)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	view(t, s, create(t, s, from("192.0.2.1/32")))
	// Calls that ran together may have left out what another held.
	if got := remain(t, s, all); got > Bounds().PerAddress+callers {
		t.Errorf("%d are there, want at most %d", got, Bounds().PerAddress+callers)
	}
	check(t, s, other)
}
