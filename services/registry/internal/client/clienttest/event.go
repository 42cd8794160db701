package clienttest

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

func changesAreRecorded(t *testing.T, s Stores) {
	trail := s.Audit.Follow(t)
	c, first := Example(), withSecret()
	if _, err := s.Clients.Create(t.Context(), c, first, most()); err != nil {
		t.Fatal(err)
	}
	trail.Check(t,
		event.Event{Type: event.ClientCreated, ClientID: c.ClientID, Scope: c.Scope},
		event.Event{Type: event.ClientSecretCreated, ClientID: c.ClientID, SecretID: first.ID})
	if _, err := s.Clients.Create(t.Context(), c, withSecret(), most()); err == nil {
		t.Error("an id is taken twice")
	}
	trail.Check(t)

	c.Revision, c.Scope = 1, oauth.Scope{"openid"}
	if _, _, err := s.Clients.Update(t.Context(), client.Change{Client: c, ScopeShrinks: true}); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, event.Event{Type: event.ClientUpdated, ClientID: c.ClientID, Scope: c.Scope})
	if _, _, err := s.Clients.Update(t.Context(), client.Change{Client: c}); !errors.Is(err, client.ErrChanged) {
		t.Errorf("Update() of an old revision = %v", err)
	}
	trail.Check(t)

	if _, err := s.Clients.Delete(t.Context(), c.ClientID); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, event.Event{Type: event.ClientDeleted, ClientID: c.ClientID})
	for _, id := range []string{c.ClientID, uuid.NewString()} {
		if _, err := s.Clients.Delete(t.Context(), id); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("Delete() of none = %v", err)
		}
	}
	trail.Check(t)
}

// withSecret returns a client's first secret.
func withSecret() *clientsecret.Secret {
	kept, _ := clientsecret.New("test")
	return kept
}

func unrecordedDoesNotHappen(t *testing.T, s Stores) {
	c := create(t, s, Example())
	s.Audit.Break(t)
	if _, err := s.Clients.Delete(t.Context(), c.ClientID); err == nil {
		t.Error("a client is deleted without a record")
	}
	if _, err := s.Clients.DeleteOwned(t.Context(), c.WorkspaceID); err == nil {
		t.Error("the clients of a workspace are deleted without a record")
	}
	changed := c
	changed.ClientName = "changed"
	if _, _, err := s.Clients.Update(t.Context(), client.Change{Client: changed, ScopeShrinks: true}); err == nil {
		t.Error("a client is changed without a record")
	}
	another := Example()
	if _, err := s.Clients.Create(t.Context(), another, nil, most()); err == nil {
		t.Error("a client is created without a record")
	}
	if _, err := s.Clients.Find(t.Context(), another.ClientID); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("Find() of what was not created = %v", err)
	}
	found, err := s.Clients.Find(t.Context(), c.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, found, c)
	logged(t, s)
}
