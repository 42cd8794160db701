package clientsecret

import (
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
)

// Created is the event of a new secret.
func Created(clientID string, id uuid.UUID) event.Event {
	return event.Event{Type: event.ClientSecretCreated, ClientID: clientID, SecretID: id}
}

// Revoked is the event of a secret's end.
func Revoked(clientID string, id uuid.UUID) event.Event {
	return event.Event{Type: event.ClientSecretRevoked, ClientID: clientID, SecretID: id}
}
