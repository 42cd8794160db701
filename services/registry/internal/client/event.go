package client

import (
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// Created are the events of a registration, with its first secret if there is
// one.
func Created(c Client, first *clientsecret.Secret) []event.Event {
	events := []event.Event{{Type: event.ClientCreated, ClientID: c.ClientID, Scope: c.Scope}}
	if first != nil {
		events = append(events, clientsecret.Created(c.ClientID, first.ID))
	}
	return events
}

// Updated are the events of a changed registration, and of the secrets that went
// with the change, as the restrictions name them.
func Updated(c Client, restrictions []coherent.Restriction) []event.Event {
	events := []event.Event{{Type: event.ClientUpdated, ClientID: c.ClientID, Scope: c.Scope}}
	for _, r := range restrictions {
		if r.Kind == coherent.KindSecret {
			events = append(events, clientsecret.Revoked(c.ClientID, uuid.UUID(r.Key)))
		}
	}
	return events
}

// Gone is the event of a client's end.
func Gone(clientID string) event.Event {
	return event.Event{Type: event.ClientDeleted, ClientID: clientID}
}
