package clientsecrettest

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

func changesAreRecorded(t *testing.T, s Stores) {
	id, bare := newClient(t, s, oauth.AuthClientSecretBasic), newClient(t, s, oauth.AuthNone)
	trail := s.Audit.Follow(t)
	secret := create(t, s, id)
	trail.Check(t, event.Event{Type: event.ClientSecretCreated, ClientID: id, SecretID: secret.ID})

	kept, _ := clientsecret.New("test")
	if err := s.Secrets.Create(t.Context(), bare, *kept); !errors.Is(err, clientsecret.ErrUnused) {
		t.Errorf("Create() for a client without secrets = %v", err)
	}
	if err := s.Secrets.NoteUse(t.Context(), secret.ID); err != nil {
		t.Fatal(err)
	}
	for _, of := range []string{bare, uuid.NewString()} {
		if _, err := s.Secrets.Revoke(t.Context(), of, secret.ID); !errors.Is(err, clientsecret.ErrNotFound) {
			t.Errorf("Revoke() of another's secret = %v", err)
		}
	}
	trail.Check(t)

	if _, err := s.Secrets.Revoke(t.Context(), id, secret.ID); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, event.Event{Type: event.ClientSecretRevoked, ClientID: id, SecretID: secret.ID})
}

func unrecordedDoesNotHappen(t *testing.T, s Stores) {
	id := newClient(t, s, oauth.AuthClientSecretBasic)
	secret := create(t, s, id)
	s.Audit.Break(t)
	if _, err := s.Secrets.Revoke(t.Context(), id, secret.ID); err == nil {
		t.Error("a secret is revoked without a record")
	}
	kept, _ := clientsecret.New("test")
	if err := s.Secrets.Create(t.Context(), id, *kept); err == nil {
		t.Error("a secret is created without a record")
	}
	if got := list(t, s, id); len(got) != 1 || got[0].ID != secret.ID {
		t.Errorf("secrets are %v, want the first alone", got)
	}
	logged(t, s)
}
