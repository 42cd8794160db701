package membership

import "github.com/chancery-auth/chancery/pkg/event"

// Happened is the event of a change of the membership.
func (m Membership) Happened(t event.Type) event.Event {
	return event.Event{Type: t, Sub: m.Sub, WorkspaceID: m.WorkspaceID, Role: m.Role}
}
