package grant

import "github.com/chancery-auth/chancery/pkg/event"

// Recorded is the event of a decision that has led to g: the first of a grant, or
// one on a grant that was there.
func Recorded(d Decision, g Grant) event.Event {
	e := Changed(g)
	if g.ID == d.NewID {
		e.Type = event.GrantRecorded
	}
	return e
}

// Changed is the event of other approvals in a grant. It has everything that is
// allowed somewhere.
func Changed(g Grant) event.Event {
	return event.Event{Type: event.GrantChanged, GrantID: g.ID, ClientID: g.ClientID, Sub: g.Sub, Scope: g.Allowed()}
}

// Revoked is the event of a grant's end.
func Revoked(g Grant, why Reason) event.Event {
	return event.Event{Type: event.GrantRevoked, GrantID: g.ID, ClientID: g.ClientID, Sub: g.Sub, Reason: string(why)}
}
