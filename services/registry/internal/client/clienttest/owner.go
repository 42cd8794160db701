package clienttest

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
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
	batch, err := coherenttest.Load(t.Context(), s.Log)
	if err != nil || len(batch.Entries) != want {
		t.Errorf("the log has %d restrictions, %v, want %d", len(batch.Entries), err, want)
	}
}
