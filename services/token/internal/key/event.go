package key

import "github.com/chancery-auth/chancery/pkg/event"

// created is the event of a new key. That it takes over has none, be it at its
// time or before.
func created(n Name) event.Event {
	return event.Event{Type: event.KeyCreated, KeyID: n.ID, Reason: n.Purpose.word()}
}

// ended is the event of a key that was retired. A key that expires has none:
// nothing made with it was alive.
func ended(n Name) event.Event {
	return event.Event{Type: event.KeyRetired, KeyID: n.ID, Reason: n.Purpose.word()}
}

// word says what a key of the purpose is for, as reasons of events are written.
func (p Purpose) word() string {
	if p == Sealing {
		return "sealing"
	}
	return "signing"
}
