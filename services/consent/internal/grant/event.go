package grant

import "github.com/chancery-auth/chancery/pkg/event"

// recorded is the event of a decision that has led to g: the first of a grant, or
// one on a grant that was there.
func recorded(d Decision, g Grant) event.Event {
	e := changed(g)
	if g.ID == d.NewID {
		e.Type = event.GrantRecorded
	}
	return e
}

// changed is the event of other approvals in a grant. It has everything that is
// allowed somewhere.
func changed(g Grant) event.Event {
	return event.Event{Type: event.GrantChanged, GrantID: g.ID, ClientID: g.ClientID, Sub: g.Sub, Scope: g.Allowed()}
}

// revokedBy is the event of a grant's end.
func revokedBy(g Grant, why Reason) event.Event {
	return event.Event{Type: event.GrantRevoked, GrantID: g.ID, ClientID: g.ClientID, Sub: g.Sub, Reason: string(why)}
}
