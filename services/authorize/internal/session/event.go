package session

import (
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
)

// started is the event of a sign-in.
func started(s Session) event.Event {
	return event.Event{Type: event.SessionStarted, SessionID: s.ID, Sub: s.Sub}
}

// ended is the event of a session's end.
func ended(id uuid.UUID, sub string) event.Event {
	return event.Event{Type: event.SessionEnded, SessionID: id, Sub: sub}
}
