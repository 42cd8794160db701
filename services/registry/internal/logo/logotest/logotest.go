// Package logotest is what every store of logos must do.
package logotest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/registry/internal/actor"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clienttest"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
)

// Stores is what a case stands on, all on one database.
type Stores struct {
	Logos   *logo.Store
	Clients *client.Store
	Audit   eventtest.Audit
}

// RunStore checks a store. open returns empty stores, and
// cleans up with t.Cleanup.
func RunStore(t *testing.T, open func(t *testing.T) Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Stores)
	}{
		{"a logo is found by its digest, and its client names it", foundByDigest},
		{"nothing else of the client changes", clientStays},
		{"unknown client gets no logo", unknownGetsNone},
		{"clients with one image share it", imageIsShared},
		{"the sweep takes what nobody names", sweepTakesGarbage},
		{"sweeps and changes at once lose no logo", sweepsLoseNothing},
		{"a change is recorded with who made it", changeIsRecorded},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// picture stands for an image: stores do not look into it.
func picture(text string) *logo.Logo {
	return &logo.Logo{Digest: sha256.Sum256([]byte(text)), PNG: []byte(text)}
}

func newClient(t *testing.T, s Stores) client.Client {
	t.Helper()
	c, err := s.Clients.Create(t.Context(), clienttest.Example(), nil, client.Limits{Apps: 1})
	if err != nil {
		t.Fatalf("Create(client) = %v", err)
	}
	return c
}

func set(t *testing.T, s Stores, clientID string, l *logo.Logo) {
	t.Helper()
	if err := s.Logos.Set(t.Context(), clientID, l); err != nil {
		t.Fatalf("Set() = %v", err)
	}
}

func sweep(t *testing.T, s Stores) {
	t.Helper()
	if _, err := sweeptest.All(t.Context(), s.Logos.Sweeps()...); err != nil {
		t.Fatalf("Sweep() = %v", err)
	}
}

// kept checks whether the store has the logo.
func kept(t *testing.T, s Stores, l *logo.Logo, want bool) {
	t.Helper()
	png, err := s.Logos.Find(t.Context(), l.Digest)
	switch {
	case want && (err != nil || !bytes.Equal(png, l.PNG)):
		t.Errorf("Find() = %q, %v, want %q", png, err, l.PNG)
	case !want && !errors.Is(err, logo.ErrNotFound):
		t.Errorf("Find() = %q, %v, want %v", png, err, logo.ErrNotFound)
	}
}

func current(t *testing.T, s Stores, clientID string) client.Client {
	t.Helper()
	c, err := s.Clients.Find(t.Context(), clientID)
	if err != nil {
		t.Fatalf("Find(client) = %v", err)
	}
	return c
}

func foundByDigest(t *testing.T, s Stores) {
	c, one, two := newClient(t, s), picture("one"), picture("two\x00\xff")
	kept(t, s, one, false)
	set(t, s, c.ClientID, one)
	kept(t, s, one, true)
	if got := current(t, s, c.ClientID).LogoDigest; got != one.Digest {
		t.Errorf("LogoDigest = %x, want %x", got, one.Digest)
	}
	set(t, s, c.ClientID, two)
	kept(t, s, two, true)
	if got := current(t, s, c.ClientID).LogoDigest; got != two.Digest {
		t.Errorf("LogoDigest = %x, want %x", got, two.Digest)
	}
	set(t, s, c.ClientID, nil)
	if got := current(t, s, c.ClientID).LogoDigest; got != (client.Client{}).LogoDigest {
		t.Errorf("LogoDigest = %x, want none", got)
	}
}

func clientStays(t *testing.T, s Stores) {
	c, other := newClient(t, s), newClient(t, s)
	set(t, s, c.ClientID, picture("one"))
	if got := current(t, s, c.ClientID); got.Revision != c.Revision || got.ClientName != c.ClientName {
		t.Errorf("client = %+v, want %+v", got, c)
	}
	if got := current(t, s, other.ClientID); got.LogoDigest != other.LogoDigest {
		t.Errorf("another client has the logo %x", got.LogoDigest)
	}
	// An update that was read before the logo came does not take it away.
	if _, _, err := s.Clients.Update(t.Context(), client.Change{Client: c}); err != nil {
		t.Fatal(err)
	}
	if got := current(t, s, c.ClientID); got.LogoDigest != picture("one").Digest {
		t.Errorf("LogoDigest after an update = %x", got.LogoDigest)
	}
}

func unknownGetsNone(t *testing.T, s Stores) {
	l := picture("one")
	for _, id := range []string{"", "nul\x00", uuid.NewString()} {
		if err := s.Logos.Set(t.Context(), id, l); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("Set(%q) = %v, want %v", id, err, client.ErrNotFound)
		}
	}
	kept(t, s, l, false)
}

func imageIsShared(t *testing.T, s Stores) {
	one, two, l := newClient(t, s), newClient(t, s), picture("one")
	set(t, s, one.ClientID, l)
	set(t, s, two.ClientID, l)
	set(t, s, one.ClientID, nil)
	sweep(t, s)
	kept(t, s, l, true)
	if _, err := s.Clients.Delete(t.Context(), two.ClientID); err != nil {
		t.Fatal(err)
	}
	sweep(t, s)
	kept(t, s, l, false)
}

func sweepTakesGarbage(t *testing.T, s Stores) {
	c, old, now := newClient(t, s), picture("old"), picture("now")
	set(t, s, c.ClientID, old)
	set(t, s, c.ClientID, now)
	sweep(t, s)
	kept(t, s, old, false)
	kept(t, s, now, true)
}

func sweepsLoseNothing(t *testing.T, s Stores) {
	const clients, rounds = 4, 5
	var wg sync.WaitGroup
	wg.Go(func() {
		for range clients * rounds {
			// It may give way to a change, and comes again.
			if _, err := sweeptest.All(t.Context(), s.Logos.Sweeps()...); err != nil {
				t.Log(err)
			}
		}
	})
	for range clients {
		c := newClient(t, s)
		wg.Go(func() {
			for i := range rounds {
				if err := showsWhatIsSet(t.Context(), s, c.ClientID, picture(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func showsWhatIsSet(ctx context.Context, s Stores, clientID string, l *logo.Logo) error {
	if err := s.Logos.Set(ctx, clientID, l); err != nil {
		return fmt.Errorf("set logo: %w", err)
	}
	if _, err := s.Logos.Find(ctx, l.Digest); err != nil {
		return fmt.Errorf("find logo that was set: %w", err)
	}
	return nil
}

func changeIsRecorded(t *testing.T, s Stores) {
	c := newClient(t, s)
	trail := s.Audit.Follow(t)
	if err := s.Logos.Set(actor.With(t.Context(), "u1"), c.ClientID, picture("one")); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, event.Event{Type: event.ClientUpdated, ClientID: c.ClientID, Sub: "u1", Scope: c.Scope})
	s.Audit.Break(t)
	if err := s.Logos.Set(t.Context(), c.ClientID, picture("two")); err == nil {
		t.Error("a logo is set without a record")
	}
	kept(t, s, picture("two"), false)
	if got := current(t, s, c.ClientID).LogoDigest; got != picture("one").Digest {
		t.Errorf("LogoDigest = %x after a change that failed", got)
	}
}
