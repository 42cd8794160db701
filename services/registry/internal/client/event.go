package client

import (
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

// Updated is the event of a changed registration.
func Updated(c Client) event.Event {
	return event.Event{Type: event.ClientUpdated, ClientID: c.ClientID, Scope: c.Scope}
}

// Gone is the event of a client's end.
func Gone(clientID string) event.Event {
	return event.Event{Type: event.ClientDeleted, ClientID: clientID}
}
