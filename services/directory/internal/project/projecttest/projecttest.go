// Package projecttest is what every *project.Store must do.
package projecttest

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// RunStore checks a store on an empty database.
func RunStore(t *testing.T, newStores func(*testing.T) directorytest.Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, directorytest.Stores)
	}{
		{"list returns the projects of a workspace by creation", lists},
		{"create in an unknown workspace is workspace.ErrNotFound", noWorkspace},
		{"delete of an unknown project is ErrNotFound", unknown},
		{"delete restricts with the next version", deletes},
		{"of many who delete one wins", oneDeleterWins},
		{"every change leaves one record, and a failed one none", changesAreRecorded},
		{"N291 a change without its record does not happen", unrecordedDoesNotHappen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStores(t)) })
	}
}

func lists(t *testing.T, s directorytest.Stores) {
	w, other := s.Workspace(t, "one"), s.Workspace(t, "two")
	s.Project(t, other, "elsewhere")
	want := make(map[uuid.UUID]project.Project)
	for _, name := range []string{"z", "a", "a", "Zoë's '); --"} {
		p := s.Project(t, w, name)
		if p.Name != name || p.WorkspaceID != w.ID || p.Version != 1 || p.CreateTime.IsZero() {
			t.Errorf("Create() = %+v", p)
		}
		want[p.ID] = p
	}
	found, err := s.Projects.List(t.Context(), w.ID)
	if err != nil {
		t.Fatalf("List() = %v", err)
	}
	got := make(map[uuid.UUID]project.Project)
	for i, p := range found {
		got[p.ID] = p
		if i > 0 && p.CreateTime.Before(found[i-1].CreateTime) {
			t.Errorf("List() is not by creation: %v", found)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("List() differs (-want +got):\n%s", diff)
	}
	if none, err := s.Projects.List(t.Context(), uuid.New()); err != nil || len(none) != 0 {
		t.Errorf("List(unknown) = %v, %v, want none", none, err)
	}
}

func noWorkspace(t *testing.T, s directorytest.Stores) {
	_, err := s.Projects.Create(t.Context(), project.Project{ID: uuid.New(), WorkspaceID: uuid.New(), Name: "p"})
	if !errors.Is(err, workspace.ErrNotFound) {
		t.Errorf("Create() = %v", err)
	}
}

func unknown(t *testing.T, s directorytest.Stores) {
	s.Project(t, s.Workspace(t, "one"), "p")
	if _, err := s.Projects.Delete(t.Context(), uuid.New()); !errors.Is(err, project.ErrNotFound) {
		t.Errorf("Delete(unknown) = %v", err)
	}
	if log := s.Log(t); len(log) != 0 {
		t.Errorf("log has %v", log)
	}
}

func deletes(t *testing.T, s directorytest.Stores) {
	w := s.Workspace(t, "one")
	p, stays := s.Project(t, w, "p"), s.Project(t, w, "q")
	got, err := s.Projects.Delete(t.Context(), p.ID)
	if err != nil {
		t.Fatalf("Delete() = %v", err)
	}
	want := []coherent.Restriction{coherent.Project(p.ID, 2)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Delete() restricts otherwise (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, s.Log(t)); diff != "" {
		t.Errorf("log differs (-want +got):\n%s", diff)
	}
	left, err := s.Projects.List(t.Context(), w.ID)
	if diff := cmp.Diff([]project.Project{stays}, left); err != nil || diff != "" {
		t.Errorf("List() = %v, differs (-want +got):\n%s", err, diff)
	}
}

func oneDeleterWins(t *testing.T, s directorytest.Stores) {
	const callers = 16
	p := s.Project(t, s.Workspace(t, "one"), "p")
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.Projects.Delete(t.Context(), p.ID) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, project.ErrNotFound):
			t.Errorf("Delete() = %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d deleted the project, want 1", won)
	}
}
