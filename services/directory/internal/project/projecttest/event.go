package projecttest

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

func changesAreRecorded(t *testing.T, s directorytest.Stores) {
	w := s.Workspace(t, "one")
	trail := s.Audit.Follow(t)
	p := s.Project(t, w, "p")
	trail.Check(t, event.Event{Type: event.ProjectCreated, WorkspaceID: w.ID, ProjectID: p.ID})
	_, err := s.Projects.Create(t.Context(), project.Project{ID: uuid.New(), WorkspaceID: uuid.New(), Name: "p"})
	if !errors.Is(err, workspace.ErrNotFound) {
		t.Errorf("Create() in no workspace = %v", err)
	}
	trail.Check(t)

	if _, err := s.Projects.Delete(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, event.Event{Type: event.ProjectDeleted, WorkspaceID: w.ID, ProjectID: p.ID})
	for _, id := range []uuid.UUID{p.ID, uuid.New()} {
		if _, err := s.Projects.Delete(t.Context(), id); !errors.Is(err, project.ErrNotFound) {
			t.Errorf("Delete() of none = %v", err)
		}
	}
	trail.Check(t)
}

func unrecordedDoesNotHappen(t *testing.T, s directorytest.Stores) {
	w := s.Workspace(t, "one")
	p := s.Project(t, w, "p")
	s.Audit.Break(t)
	if _, err := s.Projects.Delete(t.Context(), p.ID); err == nil {
		t.Error("a project is deleted without a record")
	}
	if _, err := s.Projects.Create(t.Context(), project.Project{ID: uuid.New(), WorkspaceID: w.ID, Name: "q"}); err == nil {
		t.Error("a project is created without a record")
	}
	if got, err := s.Projects.List(t.Context(), w.ID); err != nil || len(got) != 1 || got[0].ID != p.ID {
		t.Errorf("List() = %v, %v, want the first alone", got, err)
	}
	if log := s.Log(t); len(log) != 0 {
		t.Errorf("log has %v", log)
	}
}
