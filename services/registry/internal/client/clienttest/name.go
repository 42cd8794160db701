package clienttest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// as returns c with the name, and an id that no other has.
func as(name string, c client.Client) client.Client {
	c.ClientID, c.ClientName = uuid.NewString(), name
	return c
}

// lived makes a client, which is deleted when it has lived for so long.
func lived(t *testing.T, s Stores, c client.Client, age time.Duration) {
	t.Helper()
	create(t, s, c)
	s.Age(t, age)
	if _, err := s.Clients.Delete(t.Context(), c.ClientID); err != nil {
		t.Fatalf("Delete() = %v", err)
	}
}

// free makes a client, and reports whether its name was free.
func free(t *testing.T, s Stores, c client.Client) bool {
	t.Helper()
	_, err := s.Clients.Create(t.Context(), c, nil, most())
	if err != nil && !errors.Is(err, client.ErrNameHeld) {
		t.Errorf("Create() = %v, want %v", err, client.ErrNameHeld)
	}
	return err == nil
}

func nameIsHeld(t *testing.T, s Stores) {
	owner, stranger := uuid.NewString(), uuid.NewString()
	lived(t, s, as("Acme Reports", ownedBy(owner)), 2*time.Hour)
	for name, c := range map[string]client.Client{"another workspace": ownedBy(stranger), "itself": registered()} {
		for _, taken := range []string{"Acme Reports", "ACME reports", "\uff21cme Reports"} {
			if free(t, s, as(taken, c)) {
				t.Errorf("Create(%q) for %s succeeded", taken, name)
			}
		}
		if !free(t, s, as("Acme Reports 2", c)) {
			t.Errorf("Create(another name) for %s was refused", name)
		}
	}
	renamed := create(t, s, ownedBy(stranger))
	was := renamed.ClientName
	renamed.ClientName = "Acme Reports"
	if _, _, err := s.Clients.Update(t.Context(), client.Change{Client: renamed, Renames: true}); !errors.Is(err, client.ErrNameHeld) {
		t.Errorf("Update() = %v, want %v", err, client.ErrNameHeld)
	}
	if found, err := s.Clients.Find(t.Context(), renamed.ClientID); err != nil || found.ClientName != was {
		t.Errorf("Find() = %q, %v, want %q", found.ClientName, err, was)
	}
	if !free(t, s, as("Acme Reports", plain())) {
		t.Error("Create() for the operators was refused")
	}
	if !free(t, s, as("Acme Reports", ownedBy(owner))) {
		t.Error("Create() for its owner was refused")
	}
	// After as long as the client lived, anybody may have it.
	s.Age(t, 2*time.Hour)
	update(t, s, client.Change{Client: renamed, Renames: true})
}

// nobodyTakesNamesAway: whoever makes clients and deletes them keeps no name from
// others.
func nobodyTakesNamesAway(t *testing.T, s Stores) {
	owner, stranger := uuid.NewString(), uuid.NewString()
	for _, tt := range []struct {
		name    string
		living  client.Client // while the other one goes
		deleted client.Client
		age     time.Duration
		want    bool // whether the name is free
	}{
		{"made to be deleted", as("other A", plain()), as("A", ownedBy(stranger)), 0, true},
		{"had a while", as("other B", plain()), as("B", ownedBy(stranger)), 2 * time.Hour, false},
		{"had by another workspace", as("C", ownedBy(uuid.NewString())), as("\uff23", ownedBy(stranger)), 2 * time.Hour, true},
		{"had by one that registered itself", as("D", registered()), as("D", ownedBy(stranger)), 2 * time.Hour, true},
		{"had by the operators", as("E", plain()), as("E", ownedBy(stranger)), 2 * time.Hour, true},
		{"had by the same workspace", as("F", ownedBy(stranger)), as("F", ownedBy(stranger)), 2 * time.Hour, false},
		{"said by clients without a name", as("other G", plain()), as("unnamed app", ownedBy(stranger)), 2 * time.Hour, true},
		{"of one that registered itself", as("other H", plain()), as("H", registered()), 2 * time.Hour, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			create(t, s, tt.living)
			lived(t, s, tt.deleted, tt.age)
			for who, c := range map[string]client.Client{"a workspace": ownedBy(owner), "itself": registered()} {
				if got := free(t, s, as(tt.deleted.ClientName, c)); got != tt.want {
					t.Errorf("Create() for %s: the name is free: %v, want %v", who, got, tt.want)
				}
			}
		})
	}
}

// nameIsNotHeldAgainstWhoHasIt: of two owners that have a name neither loses it to the
// other.
func nameIsNotHeldAgainstWhoHasIt(t *testing.T, s Stores) {
	first, second := uuid.NewString(), uuid.NewString()
	lived(t, s, as("Acme Reports", ownedBy(first)), 3*time.Hour)
	living := create(t, s, ownedBy(second))
	if free(t, s, as("Acme Reports", ownedBy(second))) {
		t.Error("Create() succeeded")
	}
	living.ClientName = "Acme Reports"
	living = update(t, s, client.Change{Client: living})
	if !free(t, s, as("ACME Reports", ownedBy(second))) {
		t.Error("Create() for an owner of a client of that name was refused")
	}
	// One that lets go of the name has no other of that name.
	for _, c := range listOwned(t, s, second) {
		if c.ClientID != living.ClientID {
			c.ClientName = "Paused"
			update(t, s, client.Change{Client: c, Renames: true})
		}
	}
	s.Age(t, time.Hour)
	if _, err := s.Clients.Delete(t.Context(), living.ClientID); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{first, second} {
		if !free(t, s, as("Acme Reports", ownedBy(owner))) {
			t.Error("Create() for an owner that holds the name was refused")
		}
	}
	if free(t, s, as("Acme Reports", ownedBy(uuid.NewString()))) {
		t.Error("Create() for a third owner succeeded")
	}
}
