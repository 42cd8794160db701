package initialtoken_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func newKeeper(t *testing.T) *initialtoken.Keeper {
	t.Helper()
	db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
	return &initialtoken.Keeper{Tokens: initialtoken.NewStore(database.SQLite(db)), Prefix: "chia"}
}

func TestLifetimeIsBounded(t *testing.T) {
	k := newKeeper(t)
	for _, tt := range []struct {
		lifetime, want time.Duration // a want of zero is a refusal
	}{
		{0, initialtoken.DefaultLifetime},
		{time.Second, time.Second},
		{time.Second - 1, 0},
		{-time.Hour, 0},
		{initialtoken.MaxLifetime, initialtoken.MaxLifetime},
		{initialtoken.MaxLifetime + 1, 0},
	} {
		kept, shown, err := k.Create(t.Context(), tt.lifetime)
		switch {
		case tt.want == 0:
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("Create(%v) = %v, want %v", tt.lifetime, err, fault.Invalid)
			}
		case err != nil:
			t.Errorf("Create(%v) = %v", tt.lifetime, err)
		case kept.ExpireTime.Sub(kept.CreateTime) != tt.want || secret.Check("chia", shown.Reveal()) != nil:
			t.Errorf("Create(%v) = %+v", tt.lifetime, kept)
		}
	}
}

func TestOnlyGoodTokensLetIn(t *testing.T) {
	k := newKeeper(t)
	kept, shown, err := k.Create(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	_, unknown := initialtoken.New("chia")
	for range 2 { // it is good more than once
		if err := k.Check(t.Context(), shown); err != nil {
			t.Errorf("Check() = %v", err)
		}
	}
	check := func(presented secret.Secret) string {
		t.Helper()
		var refusal *oauth.Error
		err := k.Check(t.Context(), presented)
		if !errors.As(err, &refusal) || refusal.Code != oauth.InvalidToken {
			t.Fatalf("Check() = %v, want %v", err, oauth.InvalidToken)
		}
		return refusal.Description
	}
	malformed := check(secret.Wrap(shown.Reveal() + "x"))
	if got := check(unknown); got != malformed {
		t.Errorf("unknown: %q, malformed: %q", got, malformed)
	}
	if got := check(secret.Secret{}); got != malformed {
		t.Errorf("none: %q, malformed: %q", got, malformed)
	}
	if err := k.Revoke(t.Context(), kept.ID); err != nil {
		t.Fatal(err)
	}
	if got := check(shown); got != malformed {
		t.Errorf("revoked: %q, malformed: %q", got, malformed)
	}
}

func TestTokensAreLimitedToAHundred(t *testing.T) {
	k := newKeeper(t)
	for range initialtoken.Max {
		if _, _, err := k.Create(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := k.Create(t.Context(), 0); !errors.Is(err, fault.Exhausted) {
		t.Errorf("Create() of the last but one = %v, want %v", err, fault.Exhausted)
	}
	list, err := k.List(t.Context())
	if err != nil || len(list) != initialtoken.Max {
		t.Fatalf("List() = %d tokens, %v", len(list), err)
	}
	if err := k.Revoke(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := k.Revoke(t.Context(), list[0].ID); !errors.Is(err, fault.NotFound) {
		t.Errorf("Revoke() again = %v, want %v", err, fault.NotFound)
	}
	if err := k.Revoke(t.Context(), uuid.New()); !errors.Is(err, fault.NotFound) {
		t.Errorf("Revoke(unknown) = %v, want %v", err, fault.NotFound)
	}
	if _, _, err := k.Create(t.Context(), 0); err != nil {
		t.Errorf("Create() after a revocation = %v", err)
	}
}
