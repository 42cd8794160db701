package workspace

import (
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
)

// Created is the event of a new workspace.
func Created(id uuid.UUID) event.Event {
	return event.Event{Type: event.WorkspaceCreated, WorkspaceID: id}
}

// Deleted is the event of a workspace's end. That of its projects and
// memberships is part of it.
func Deleted(id uuid.UUID) event.Event {
	return event.Event{Type: event.WorkspaceDeleted, WorkspaceID: id}
}
