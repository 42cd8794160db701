package session

import (
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
)

// Started is the event of a sign-in.
func Started(s Session) event.Event {
	return event.Event{Type: event.SessionStarted, SessionID: s.ID, Sub: s.Sub}
}

// Ended is the event of a session's end.
func Ended(id uuid.UUID, sub string) event.Event {
	return event.Event{Type: event.SessionEnded, SessionID: id, Sub: sub}
}
