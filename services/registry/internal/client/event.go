package client

import (
	"context"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/registry/internal/actor"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// Created are the events of a registration, with its first secret if there is
// one.
func Created(ctx context.Context, c Client, first *clientsecret.Secret) []event.Event {
	events := []event.Event{{Type: event.ClientCreated, ClientID: c.ClientID, Sub: actor.Of(ctx), Scope: c.Scope}}
	if first != nil {
		events = append(events, clientsecret.Created(ctx, c.ClientID, first.ID))
	}
	return events
}

// Updated are the events of a changed registration, of the secrets that went
// with the change, as the restrictions name them, and of the one that took their
// place, if one did.
func Updated(ctx context.Context, c Client, restrictions []coherent.Restriction, newSecret *clientsecret.Secret) []event.Event {
	events := []event.Event{{Type: event.ClientUpdated, ClientID: c.ClientID, Sub: actor.Of(ctx), Scope: c.Scope}}
	for _, r := range restrictions {
		if r.Kind == coherent.KindSecret {
			events = append(events, clientsecret.Revoked(ctx, c.ClientID, uuid.UUID(r.Key)))
		}
	}
	if newSecret != nil {
		events = append(events, clientsecret.Created(ctx, c.ClientID, newSecret.ID))
	}
	return events
}

// Gone is the event of a client's end.
func Gone(ctx context.Context, clientID string) event.Event {
	return event.Event{Type: event.ClientDeleted, ClientID: clientID, Sub: actor.Of(ctx)}
}
