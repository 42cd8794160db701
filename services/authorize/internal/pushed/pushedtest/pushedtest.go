// Package pushedtest is what every store of pushed authorization requests must
// do.
package pushedtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
)

// RunStore checks a store. newStore returns an empty
// one, and cleans up with t.Cleanup.
func RunStore(t *testing.T, newStore func(t *testing.T) *pushed.Store) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *pushed.Store)
	}{
		{"find returns what was created, more than once", findReturnsCreated},
		{"unknown digest is ErrNotFound", unknownIsNotFound},
		{"a request that is over is ErrNotFound", overIsNotFound},
		{"what was taken is gone", takenIsGone},
		{"one of many concurrent takers wins", oneTakerWins},
		{"a client has at most so many live requests", limitPerClient},
		{"sweep deletes what is over, and nothing else", sweep},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStore(t)) })
	}
}

// Example is a request under the digest of handle. It has every parameter, and
// characters that databases are known to stumble over.
func Example(handle string) pushed.New {
	return pushed.New{
		Request: authreq.Request{
			ResponseType: "code", ClientID: "c1", RedirectURI: "https://app.example/cb?a=%00", Scope: "openid profile",
			State: `"><script>'\`, Nonce: "n", CodeChallenge: "x", CodeChallengeMethod: "S256", Prompt: "login",
			MaxAge: "1", LoginHint: "U+0000 \x00, U+2028 \u2028, \U0001F600", IDTokenHint: "h", ResponseMode: "form_post",
			Resource: []string{"https://a.example", "https://b.example"}, Pushed: true,
		},
		Digest:   secret.DigestOf(handle),
		Lifetime: time.Minute,
	}
}

const limit = 5

func create(t *testing.T, s *pushed.Store, n pushed.New) {
	t.Helper()
	if err := s.Create(t.Context(), n, limit); err != nil {
		t.Fatalf("Create() = %v", err)
	}
}

func find(t *testing.T, s *pushed.Store, handle string, want error) {
	t.Helper()
	if _, err := s.Find(t.Context(), secret.DigestOf(handle)); !errors.Is(err, want) {
		t.Errorf("Find(%s) = %v, want %v", handle, err, want)
	}
}

func findReturnsCreated(t *testing.T, s *pushed.Store) {
	n := Example("a")
	create(t, s, n)
	for range 2 {
		got, err := s.Find(t.Context(), n.Digest)
		if err != nil {
			t.Fatalf("Find() = %v", err)
		}
		if diff := cmp.Diff(n.Request, got); diff != "" {
			t.Errorf("Find() differs: %s", diff)
		}
	}
}

func unknownIsNotFound(t *testing.T, s *pushed.Store) {
	create(t, s, Example("a"))
	find(t, s, "A", pushed.ErrNotFound)
	if err := s.Take(t.Context(), secret.DigestOf("A")); !errors.Is(err, pushed.ErrNotFound) {
		t.Errorf("Take(unknown) = %v", err)
	}
	find(t, s, "a", nil)
}

func overIsNotFound(t *testing.T, s *pushed.Store) {
	n := Example("a")
	n.Lifetime = 0
	create(t, s, n)
	find(t, s, "a", pushed.ErrNotFound)
	if err := s.Take(t.Context(), n.Digest); !errors.Is(err, pushed.ErrNotFound) {
		t.Errorf("Take(over) = %v", err)
	}
}

func takenIsGone(t *testing.T, s *pushed.Store) {
	create(t, s, Example("a"))
	create(t, s, Example("b"))
	if err := s.Take(t.Context(), secret.DigestOf("a")); err != nil {
		t.Fatalf("Take() = %v", err)
	}
	find(t, s, "a", pushed.ErrNotFound)
	find(t, s, "b", nil)
}

func oneTakerWins(t *testing.T, s *pushed.Store) {
	n := Example("a")
	create(t, s, n)
	const takers = 16
	errs := make([]error, takers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = s.Take(t.Context(), n.Digest) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, pushed.ErrNotFound):
			t.Errorf("Take() = %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d takers won, want 1", won)
	}
}

func limitPerClient(t *testing.T, s *pushed.Store) {
	over := Example("over")
	over.Lifetime = 0
	create(t, s, over)
	for i := range limit {
		create(t, s, Example(fmt.Sprint(i)))
	}
	if err := s.Create(t.Context(), Example("more"), limit); !errors.Is(err, pushed.ErrTooMany) {
		t.Errorf("Create(beyond the limit) = %v", err)
	}
	find(t, s, "more", pushed.ErrNotFound)
	other := Example("other")
	other.Request.ClientID = "C1"
	create(t, s, other)
	if err := s.Take(t.Context(), secret.DigestOf("0")); err != nil {
		t.Fatalf("Take() = %v", err)
	}
	create(t, s, Example("more"))
}

func sweep(t *testing.T, s *pushed.Store) {
	over := Example("over")
	over.Lifetime = 0
	create(t, s, over)
	create(t, s, Example("live"))
	if _, err := sweeptest.All(t.Context(), s.Sweeps()...); err != nil {
		t.Fatalf("Sweep() = %v", err)
	}
	find(t, s, "live", nil)
	// What was swept can be created anew: the row is gone.
	create(t, s, over)
}
