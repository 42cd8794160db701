package address

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
)

func TestSlugIsReadOnce(t *testing.T) {
	acme, gone := uuid.New(), uuid.New()
	asked := map[uuid.UUID]int{}
	away := errors.New("away")
	var fails error
	book := New(func(_ context.Context, workspace uuid.UUID) (string, error) {
		asked[workspace]++
		switch {
		case fails != nil:
			return "", fails
		case workspace == acme:
			return "acme", nil
		default:
			return "", ErrNotFound
		}
	})
	check := func(workspace uuid.UUID, want string, wantErr error) {
		t.Helper()
		if got, err := book.Slug(t.Context(), workspace); got != want || !errors.Is(err, wantErr) {
			t.Errorf("Slug() = %q, %v, want %q, %v", got, err, want, wantErr)
		}
	}
	fails = away
	check(acme, "", away)
	fails = nil
	check(acme, "acme", nil)
	check(gone, "", nil)
	fails = away
	check(acme, "acme", nil)
	check(gone, "", away)
	if asked[acme] != 2 || asked[gone] != 2 {
		t.Errorf("asked %d and %d times, want 2 each: failures are not remembered", asked[acme], asked[gone])
	}
}
