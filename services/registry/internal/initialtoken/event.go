package initialtoken

import (
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
)

// Created is the event of a new token.
func Created(id uuid.UUID) event.Event {
	return event.Event{Type: event.InitialTokenCreated, SecretID: id}
}

// Revoked is the event of a token's end by an operator. Its end by itself is none.
func Revoked(id uuid.UUID) event.Event {
	return event.Event{Type: event.InitialTokenRevoked, SecretID: id}
}
