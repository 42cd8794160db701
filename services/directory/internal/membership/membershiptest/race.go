package membershiptest

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
)

const callers = 16

// oneWins runs call at once from many, and wants one success beside losses.
func oneWins(t *testing.T, loss error, call func() error) {
	t.Helper()
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = call() })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, loss):
			t.Errorf("call = %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d callers won, want 1", won)
	}
}

func oneAdderWins(t *testing.T, s directorytest.Stores) {
	u, w := s.Subject(t, "ada"), s.Workspace(t, "one")
	add := func() error {
		m := membership.Membership{ID: uuid.New(), Sub: u.Sub, WorkspaceID: w.ID, Role: role.Member}
		_, err := s.Memberships.Add(t.Context(), m)
		return err
	}
	oneWins(t, membership.ErrExists, add)
	if _, err := s.Memberships.Remove(t.Context(), u.Sub, w.ID); err != nil {
		t.Fatalf("Remove() = %v", err)
	}
	oneWins(t, membership.ErrExists, add)
}

func oneRemoverWins(t *testing.T, s directorytest.Stores) {
	m := s.Member(t, s.Subject(t, "ada"), s.Workspace(t, "one"), role.Admin)
	oneWins(t, membership.ErrNotFound, func() error {
		_, err := s.Memberships.Remove(t.Context(), m.Sub, m.WorkspaceID)
		return err
	})
	if log := s.Log(t); len(log) != 1 || log[0].Version != 2 {
		t.Errorf("log has %v, want one removal", log)
	}
}

// Whatever the order was: a change after the removal found nobody, and the
// removal has the greatest version of all.
func changesAndRemoval(t *testing.T, s directorytest.Stores) {
	m := s.Member(t, s.Subject(t, "ada"), s.Workspace(t, "one"), role.Admin)
	var wg sync.WaitGroup
	roles := []role.Role{role.Viewer, role.Member, role.Admin}
	for i := range callers {
		wg.Go(func() {
			r := roles[i%len(roles)]
			_, _, err := s.Memberships.SetRole(t.Context(), m.Sub, m.WorkspaceID, r)
			if err != nil && !errors.Is(err, membership.ErrNotFound) {
				t.Errorf("SetRole() = %v", err)
			}
		})
	}
	wg.Go(func() {
		if _, err := s.Memberships.Remove(t.Context(), m.Sub, m.WorkspaceID); err != nil {
			t.Errorf("Remove() = %v", err)
		}
	})
	wg.Wait()
	log := s.Log(t)
	removal := log[len(log)-1]
	if removal.Value[0] != byte(role.None) {
		t.Errorf("the last of %v is not the removal", log)
	}
	for _, r := range log[:len(log)-1] {
		if r.Version >= removal.Version || r.Value[0] == byte(role.None) {
			t.Errorf("%v is beside the removal of version %d", r, removal.Version)
		}
	}
	if listed, err := s.Memberships.List(t.Context(), m.WorkspaceID); err != nil || len(listed) != 0 {
		t.Errorf("List() = %v, %v, want none", listed, err)
	}
}

func versionsGrow(t *testing.T, s directorytest.Stores) {
	u, w := s.Subject(t, "ada"), s.Workspace(t, "one")
	m := s.Member(t, u, w, role.Viewer)
	seen := map[int64]bool{m.Version: true}
	next := func(version int64) {
		t.Helper()
		for earlier := range seen {
			if version <= earlier {
				t.Errorf("version %d comes after %d", version, earlier)
			}
		}
		seen[version] = true
	}
	for range 3 {
		for _, r := range []role.Role{role.Admin, role.Member, role.Viewer} {
			changed, _ := setRole(t, s, m, r)
			next(changed.Version)
		}
		next(remove(t, s, m)[0].Version)
		next(s.Member(t, u, w, role.Viewer).Version)
	}
}
