package subject

import "github.com/chancery-auth/chancery/pkg/event"

// Happened is the event of a change of the subject.
func (s Subject) Happened(t event.Type) event.Event { return event.Event{Type: t, Sub: s.Sub} }
