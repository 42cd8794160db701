package family

import "github.com/chancery-auth/chancery/pkg/event"

// Reason is why a family ended before its time.
type Reason string

// The reasons.
const (
	// Revoked says that somebody gave a token of it up.
	Revoked Reason = "revoked"
	// Evicted says that its grant has too many families, and this was the oldest.
	Evicted Reason = "evicted"
	// Replayed says that a token of it was presented that had been replaced, after
	// the window or the grace, or by another client.
	Replayed Reason = "replayed"
)

// endedBy is the event of a family's end. Rotation is none: what it replaces cannot
// be undone.
func endedBy(f Family, why Reason) event.Event {
	e := event.Event{Type: event.FamilyEnded, FamilyID: f.ID, GrantID: f.GrantID, ClientID: f.ClientID, Sub: f.Sub, Reason: string(why)}
	if why == Replayed {
		e.Type, e.Reason = event.FamilyReused, ""
	}
	return e
}

// repeated is the event of a token that came again within the window. Nothing
// has ended.
func repeated(f Family) event.Event {
	return event.Event{Type: event.FamilyRepeated, FamilyID: f.ID, GrantID: f.GrantID, ClientID: f.ClientID, Sub: f.Sub}
}
