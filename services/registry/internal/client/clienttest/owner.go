package clienttest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

func narrowingLogged(t *testing.T, s Stores) {
	open := Example()
	open.Visibility = client.Public
	c := create(t, s, open)
	c.Visibility = client.Unlisted
	c = update(t, s, client.Change{Client: c})
	c.Visibility = client.Internal
	want := coherent.Client(c.ClientID, 2)
	c = update(t, s, client.Change{Client: c, Narrows: true}, want)
	if c.Version != 2 || c.ScopeVersion != 1 {
		t.Errorf("Version, ScopeVersion = %d, %d, want 2, 1", c.Version, c.ScopeVersion)
	}
	c.Visibility = client.Public
	if c = update(t, s, client.Change{Client: c}); c.Version != 2 {
		t.Errorf("Version = %d after widening, want 2", c.Version)
	}
	stale := c
	stale.Revision--
	if _, _, err := s.Clients.Update(t.Context(), client.Change{Client: stale, Narrows: true}); !errors.Is(err, client.ErrChanged) {
		t.Errorf("Update() of an old revision = %v, want %v", err, client.ErrChanged)
	}
	logged(t, s, want)
}

// ownedBy returns a client of the workspace that no other resembles.
func ownedBy(workspace string) client.Client {
	c := Example()
	c.WorkspaceID, c.ClientName = workspace, "app "+c.ClientID
	return c
}

func deleteOwned(t *testing.T, s Stores, workspace string) []coherent.Restriction {
	t.Helper()
	restrictions, err := s.Clients.DeleteOwned(t.Context(), workspace)
	if err != nil {
		t.Fatalf("DeleteOwned() = %v", err)
	}
	return restrictions
}

func ownedEnd(t *testing.T, s Stores) {
	workspace, other := uuid.NewString(), uuid.NewString()
	first, second := create(t, s, ownedBy(workspace)), create(t, s, ownedBy(workspace))
	addSecret(t, s, first)
	kept := []client.Client{create(t, s, ownedBy(other)), create(t, s, plain()), create(t, s, registered())}
	trail := s.Audit.Follow(t)

	want := []coherent.Restriction{
		coherent.Client(first.ClientID, coherent.Deleted), coherent.Client(second.ClientID, coherent.Deleted),
	}
	compare(t, "restrictions returned", deleteOwned(t, s, workspace), want)
	logged(t, s, want...)
	checkGone(t, s, first, second)
	trail.Check(t,
		event.Event{Type: event.ClientDeleted, ClientID: first.ClientID},
		event.Event{Type: event.ClientDeleted, ClientID: second.ClientID})

	// Again, for a workspace that never had any, and for none.
	compare(t, "restrictions of a repetition", deleteOwned(t, s, workspace), nil)
	compare(t, "restrictions of nothing", deleteOwned(t, s, uuid.NewString()), nil)
	if _, err := s.Clients.DeleteOwned(t.Context(), ""); err == nil {
		t.Error("DeleteOwned() of no workspace succeeded")
	}
	trail.Check(t)
	logged(t, s, want...)
	for _, c := range kept {
		if found, err := s.Clients.Find(t.Context(), c.ClientID); err != nil || found.Revision != c.Revision {
			t.Errorf("Find(another's) = %v, %v", found, err)
		}
	}
	if _, err := s.Clients.Create(t.Context(), ownedBy(workspace), nil, most()); !errors.Is(err, client.ErrOwnerEnded) {
		t.Errorf("Create() in the workspace = %v, want %v", err, client.ErrOwnerEnded)
	}
	create(t, s, ownedBy(other))
}

func checkGone(t *testing.T, s Stores, clients ...client.Client) {
	t.Helper()
	for _, c := range clients {
		if _, err := s.Clients.Find(t.Context(), c.ClientID); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("Find() = %v, want %v", err, client.ErrNotFound)
		}
	}
}

func madeMeanwhile(t *testing.T, s Stores) {
	workspace := uuid.NewString()
	create(t, s, ownedBy(workspace))
	made := make([]bool, callers)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() {
			if i%4 == 0 {
				deleteOwned(t, s, workspace)
				return
			}
			_, err := s.Clients.Create(t.Context(), ownedBy(workspace), nil, most())
			if made[i] = err == nil; err != nil && !errors.Is(err, client.ErrOwnerEnded) {
				t.Errorf("Create() = %v, want %v", err, client.ErrOwnerEnded)
			}
		})
	}
	wg.Wait()
	want := 1
	for _, ok := range made {
		if ok {
			want++
		}
	}
	if left := listOwned(t, s, workspace); len(left) > 0 {
		t.Errorf("%d clients outlive their workspace", len(left))
	}
	batch, err := s.Log.Load(t.Context())
	if err != nil || len(batch.Entries) != want {
		t.Errorf("the log has %d restrictions, %v, want %d", len(batch.Entries), err, want)
	}
}

func nameIsHeld(t *testing.T, s Stores) {
	const held = time.Hour
	owner, stranger := uuid.NewString(), uuid.NewString()
	limits := most()
	limits.NameHeld = held
	try := func(c client.Client, name string, most client.Limits) error {
		t.Helper()
		c.ClientID, c.ClientName = uuid.NewString(), name
		_, err := s.Clients.Create(t.Context(), c, nil, most)
		return err
	}
	deleted := ownedBy(owner)
	deleted.ClientName = "Acme Reports"
	if _, err := s.Clients.Delete(t.Context(), create(t, s, deleted).ClientID); err != nil {
		t.Fatal(err)
	}
	foreign := ownedBy(stranger)
	for name, c := range map[string]client.Client{"another workspace": foreign, "an operator": plain(), "itself": registered()} {
		for _, taken := range []string{"Acme Reports", "ACME reports", "\uff21cme Reports"} {
			if err := try(c, taken, limits); !errors.Is(err, client.ErrNameHeld) {
				t.Errorf("Create(%q) for %s = %v, want %v", taken, name, err, client.ErrNameHeld)
			}
		}
		if err := try(c, "Acme Reports 2", limits); err != nil {
			t.Errorf("Create(another name) for %s = %v", name, err)
		}
	}
	renamed := create(t, s, foreign)
	renamed.ClientName = "Acme Reports"
	if _, _, err := s.Clients.Update(t.Context(), client.Change{Client: renamed, NameHeld: held}); !errors.Is(err, client.ErrNameHeld) {
		t.Errorf("Update() = %v, want %v", err, client.ErrNameHeld)
	}
	if found, err := s.Clients.Find(t.Context(), renamed.ClientID); err != nil || found.ClientName != foreign.ClientName {
		t.Errorf("Find() = %q, %v, want %q", found.ClientName, err, foreign.ClientName)
	}
	if err := try(ownedBy(owner), "Acme Reports", limits); err != nil {
		t.Errorf("Create() for its owner = %v", err)
	}
	// Once it is not held any more, anybody may have it.
	update(t, s, client.Change{Client: renamed})
	if err := try(plain(), "Acme Reports", most()); err != nil {
		t.Errorf("Create() of a name that is free again = %v", err)
	}
}

// registeredHoldsNoName: many clients that register themselves have one name.
func registeredHoldsNoName(t *testing.T, s Stores) {
	limits := most()
	limits.NameHeld = time.Hour
	for range 2 {
		c := registered()
		if _, err := s.Clients.Create(t.Context(), c, nil, limits); err != nil {
			t.Fatalf("Create() = %v", err)
		}
		if _, err := s.Clients.Delete(t.Context(), c.ClientID); err != nil {
			t.Fatal(err)
		}
	}
}

func idNeverReturns(t *testing.T, s Stores) {
	deleted, owned := create(t, s, plain()), create(t, s, Example())
	if _, err := s.Clients.Delete(t.Context(), deleted.ClientID); err != nil {
		t.Fatal(err)
	}
	deleteOwned(t, s, owned.WorkspaceID)
	for _, was := range []client.Client{deleted, owned} {
		c := plain()
		c.ClientID = was.ClientID
		if _, err := s.Clients.Create(t.Context(), c, nil, most()); err == nil {
			t.Error("the id of a deleted client came back")
		}
	}
	create(t, s, plain())
}
