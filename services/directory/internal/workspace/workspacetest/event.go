package workspacetest

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

func changesAreRecorded(t *testing.T, s directorytest.Stores) {
	trail := s.Audit.Follow(t)
	w := s.Workspace(t, "one")
	trail.Check(t, event.Event{Type: event.WorkspaceCreated, WorkspaceID: w.ID})
	s.Project(t, w, "p")
	s.Member(t, s.Subject(t, "ada"), w, role.Admin)

	trail = s.Audit.Follow(t)
	if _, err := s.Workspaces.Delete(t.Context(), w.ID); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, event.Event{Type: event.WorkspaceDeleted, WorkspaceID: w.ID})
	for _, id := range []uuid.UUID{w.ID, uuid.New()} {
		if _, err := s.Workspaces.Delete(t.Context(), id); !errors.Is(err, workspace.ErrNotFound) {
			t.Errorf("Delete() of none = %v", err)
		}
	}
	trail.Check(t)
}

func unrecordedDoesNotHappen(t *testing.T, s directorytest.Stores) {
	w := s.Workspace(t, "one")
	s.Project(t, w, "p")
	s.Audit.Break(t)
	if _, err := s.Workspaces.Delete(t.Context(), w.ID); err == nil {
		t.Error("a workspace is deleted without a record")
	}
	another := workspace.Workspace{ID: uuid.New(), Name: "two", Slug: "two"}
	if _, err := s.Workspaces.Create(t.Context(), another); err == nil {
		t.Error("a workspace is created without a record")
	}
	if _, err := s.Workspaces.Find(t.Context(), w.ID); err != nil {
		t.Errorf("Find() = %v", err)
	}
	if _, err := s.Workspaces.Find(t.Context(), another.ID); !errors.Is(err, workspace.ErrNotFound) {
		t.Errorf("Find() of what was not created = %v", err)
	}
	if projects, err := s.Projects.List(t.Context(), w.ID); err != nil || len(projects) != 1 {
		t.Errorf("List() = %v, %v, want the project", projects, err)
	}
	if log := s.Log(t); len(log) != 0 {
		t.Errorf("log has %v", log)
	}
}
