package clientsecret

import (
	"context"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/registry/internal/actor"
)

// Created is the event of a new secret.
func Created(ctx context.Context, clientID string, id uuid.UUID) event.Event {
	return event.Event{Type: event.ClientSecretCreated, ClientID: clientID, Sub: actor.Of(ctx), SecretID: id}
}

// Revoked is the event of a secret's end.
func Revoked(ctx context.Context, clientID string, id uuid.UUID) event.Event {
	return event.Event{Type: event.ClientSecretRevoked, ClientID: clientID, Sub: actor.Of(ctx), SecretID: id}
}
