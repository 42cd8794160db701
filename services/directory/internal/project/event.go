package project

import "github.com/chancery-auth/chancery/pkg/event"

// Happened is the event of a change of the project.
func (p Project) Happened(t event.Type) event.Event {
	return event.Event{Type: t, ProjectID: p.ID, WorkspaceID: p.WorkspaceID}
}
