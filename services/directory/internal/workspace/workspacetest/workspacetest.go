// Package workspacetest is what every *workspace.Store must do.
package workspacetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// RunStore checks a store on an empty database.
func RunStore(t *testing.T, newStores func(*testing.T) directorytest.Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, directorytest.Stores)
	}{
		{"find returns what was created", findsCreated},
		{"unknown workspaces are ErrNotFound", unknown},
		{"two workspaces may have one name", sameName},
		{"no two workspaces have one slug", oneSlug},
		{"of many who want one slug one gets it", oneGetsTheSlug},
		{"a slug is free again when its workspace is deleted", slugIsFreed},
		{"select returns those that there are", selects},
		{"delete restricts every membership and project", deletes},
		{"delete leaves other workspaces alone", leavesOthers},
		{"of many who delete one wins", oneDeleterWins},
		{"what is added while it is deleted is deleted as well", addedMeanwhile},
		{"pages are complete while workspaces are added", pages},
		{"every change leaves one record, and a failed one none", changesAreRecorded},
		{"N291 a change without its record does not happen", unrecordedDoesNotHappen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStores(t)) })
	}
}

func findsCreated(t *testing.T, s directorytest.Stores) {
	created := s.Workspace(t, "Zoë's '); DROP TABLE workspace; --")
	if created.CreateTime.IsZero() {
		t.Error("Create() sets no CreateTime")
	}
	found, err := s.Workspaces.Find(t.Context(), created.ID)
	if err != nil {
		t.Fatalf("Find() = %v", err)
	}
	if diff := cmp.Diff(created, found); diff != "" {
		t.Errorf("Find() differs (-created +found):\n%s", diff)
	}
}

func unknown(t *testing.T, s directorytest.Stores) {
	s.Workspace(t, "known")
	if _, err := s.Workspaces.Find(t.Context(), uuid.New()); !errors.Is(err, workspace.ErrNotFound) {
		t.Errorf("Find(unknown) = %v", err)
	}
	if _, err := s.Workspaces.Delete(t.Context(), uuid.New()); !errors.Is(err, workspace.ErrNotFound) {
		t.Errorf("Delete(unknown) = %v", err)
	}
	if log := s.Log(t); len(log) != 0 {
		t.Errorf("log has %v", log)
	}
}

func sameName(t *testing.T, s directorytest.Stores) {
	if a, b := s.Workspace(t, "one"), s.Workspace(t, "one"); a.ID == b.ID {
		t.Error("two workspaces have one id")
	}
}

func deletes(t *testing.T, s directorytest.Stores) {
	w := s.Workspace(t, "one")
	ada, bob, eve := s.Subject(t, "ada"), s.Subject(t, "bob"), s.Subject(t, "eve")
	s.Member(t, ada, w, role.Admin)
	s.Member(t, bob, w, role.Member)
	s.Member(t, eve, w, role.Viewer)
	if _, _, err := s.Memberships.SetRole(t.Context(), bob.Sub, w.ID, role.Admin); err != nil {
		t.Fatalf("SetRole() = %v", err)
	}
	removed, err := s.Memberships.Remove(t.Context(), eve.Sub, w.ID)
	if err != nil {
		t.Fatalf("Remove() = %v", err)
	}
	p, q := s.Project(t, w, "p"), s.Project(t, w, "q")

	got, err := s.Workspaces.Delete(t.Context(), w.ID)
	if err != nil {
		t.Fatalf("Delete() = %v", err)
	}
	want := []coherent.Restriction{
		coherent.Membership(ada.Sub, w.ID, 2, role.None),
		coherent.Membership(bob.Sub, w.ID, 3, role.None),
		coherent.Membership(eve.Sub, w.ID, 3, role.None),
		coherent.Project(p.ID, 2),
		coherent.Project(q.ID, 2),
	}
	if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
		t.Errorf("Delete() restricts otherwise (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(sorted(slices.Concat(removed, want)), sorted(s.Log(t))); diff != "" {
		t.Errorf("log differs (-want +got):\n%s", diff)
	}
	wantGone(t, s, w.ID)
	if standing, err := s.Memberships.Resources(t.Context(), ada.Sub); err != nil || len(standing.Memberships)+len(standing.Projects) != 0 {
		t.Errorf("Resources() = %+v, %v, want none", standing, err)
	}
}

func wantGone(t *testing.T, s directorytest.Stores, id uuid.UUID) {
	t.Helper()
	if _, err := s.Workspaces.Find(t.Context(), id); !errors.Is(err, workspace.ErrNotFound) {
		t.Errorf("Find() = %v after Delete()", err)
	}
	if members, err := s.Memberships.List(t.Context(), id); err != nil || len(members) != 0 {
		t.Errorf("members are %v, %v after Delete()", members, err)
	}
	if projects, err := s.Projects.List(t.Context(), id); err != nil || len(projects) != 0 {
		t.Errorf("projects are %v, %v after Delete()", projects, err)
	}
}

func sorted(rs []coherent.Restriction) []coherent.Restriction {
	rs = slices.Clone(rs)
	slices.SortFunc(rs, func(a, b coherent.Restriction) int {
		if c := bytes.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return int(a.Version - b.Version)
	})
	return rs
}

func leavesOthers(t *testing.T, s directorytest.Stores) {
	w, other := s.Workspace(t, "one"), s.Workspace(t, "two")
	ada := s.Subject(t, "ada")
	s.Member(t, ada, w, role.Admin)
	m := s.Member(t, ada, other, role.Admin)
	p := s.Project(t, other, "p")
	if _, err := s.Workspaces.Delete(t.Context(), w.ID); err != nil {
		t.Fatalf("Delete() = %v", err)
	}
	got, err := s.Memberships.Resources(t.Context(), ada.Sub)
	if err != nil {
		t.Fatalf("Resources() = %v", err)
	}
	want := membership.Standing{Memberships: []membership.Membership{m}, Projects: []project.Project{p}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Resources() differs (-want +got):\n%s", diff)
	}
}

func oneDeleterWins(t *testing.T, s directorytest.Stores) {
	const callers = 16
	w := s.Workspace(t, "one")
	s.Member(t, s.Subject(t, "ada"), w, role.Admin)
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.Workspaces.Delete(t.Context(), w.ID) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, workspace.ErrNotFound):
			t.Errorf("Delete() = %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d deleted the workspace, want 1", won)
	}
	if log := s.Log(t); len(log) != 1 {
		t.Errorf("log has %v, want one restriction", log)
	}
}

func addedMeanwhile(t *testing.T, s directorytest.Stores) {
	const callers = 8
	w := s.Workspace(t, "one")
	former := s.Subject(t, "former")
	s.Member(t, former, w, role.Admin)
	if _, err := s.Memberships.Remove(t.Context(), former.Sub, w.ID); err != nil {
		t.Fatalf("Remove() = %v", err)
	}
	var wg sync.WaitGroup
	added := make([]bool, 2*callers)
	for i := range callers {
		u := former
		if i > 0 {
			u = s.Subject(t, fmt.Sprintf("user %d", i))
		}
		wg.Go(func() {
			m := membership.Membership{ID: uuid.New(), Sub: u.Sub, WorkspaceID: w.ID, Role: role.Member}
			_, err := s.Memberships.Add(t.Context(), m)
			added[i] = wasAdded(t, err)
		})
		wg.Go(func() {
			_, err := s.Projects.Create(t.Context(), project.Project{ID: uuid.New(), WorkspaceID: w.ID, Name: "p"})
			added[callers+i] = wasAdded(t, err)
		})
	}
	wg.Go(func() {
		if _, err := s.Workspaces.Delete(t.Context(), w.ID); err != nil {
			t.Errorf("Delete() = %v", err)
		}
	})
	wg.Wait()
	wantGone(t, s, w.ID)
	want := 1 // of the removal
	for _, ok := range added {
		if ok {
			want++
		}
	}
	if !added[0] {
		want++ // of the former member's row, which went with the workspace
	}
	if log := s.Log(t); len(log) != want {
		t.Errorf("log has %d restrictions, want %d: one for each that was added", len(log), want)
	}
}

// wasAdded says whether an addition came before the deletion.
func wasAdded(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, workspace.ErrNotFound) {
		t.Errorf("adding to a workspace that is being deleted = %v", err)
	}
	return err == nil
}

func pages(t *testing.T, s directorytest.Stores) {
	const size = 3
	before := make([]string, 10)
	for i := range before {
		before[i] = s.Workspace(t, "before").ID.String()
	}
	var seen []string
	var after page.Cursor
	for full := true; full; {
		got, err := s.Workspaces.List(t.Context(), after, size)
		if err != nil {
			t.Fatalf("List() = %v", err)
		}
		for _, w := range got {
			seen = append(seen, w.ID.String())
			after = page.Cursor{CreateTime: w.CreateTime, ID: w.ID.String()}
		}
		if full = len(got) == size; len(seen) < len(before) {
			s.Workspace(t, "after")
		}
	}
	directorytest.WantOnce(t, before, seen)
}
