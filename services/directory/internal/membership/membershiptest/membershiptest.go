// Package membershiptest is what every *membership.Store must do.
package membershiptest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// RunStore checks a store on an empty database.
func RunStore(t *testing.T, newStores func(*testing.T) directorytest.Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, directorytest.Stores)
	}{
		{"add returns the membership with its names", adds},
		{"add names what is missing", addNamesMissing},
		{"a member is not added again", addTwice},
		{"a former member gets another membership, a later version, and no restriction", addsAgain},
		{"a lower role restricts", lowers},
		{"a higher role restricts nothing", raises},
		{"the same role changes nothing", keepsRole},
		{"remove restricts to no role", removes},
		{"who is no member is ErrNotFound", noMember},
		{"members are listed by user name", lists},
		{"N305 a workspace has an admin while one of them can sign in", hasAdmin},
		{"standing is what was named and nothing else", standing},
		{"resources are everything, by name", resources},
		{"of many who add one wins", oneAdderWins},
		{"of many who remove one wins", oneRemoverWins},
		{"changes and removal at once leave what was logged last", changesAndRemoval},
		{"versions never go down", versionsGrow},
		{"every change leaves one record, and a failed one none", changesAreRecorded},
		{"N291 a change without its record does not happen", unrecordedDoesNotHappen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStores(t)) })
	}
}

func setRole(t *testing.T, s directorytest.Stores, m membership.Membership, r role.Role) (membership.Membership, []coherent.Restriction) {
	t.Helper()
	changed, restrictions, err := s.Memberships.SetRole(t.Context(), m.Sub, m.WorkspaceID, r)
	if err != nil {
		t.Fatalf("SetRole() = %v", err)
	}
	return changed, restrictions
}

func remove(t *testing.T, s directorytest.Stores, m membership.Membership) []coherent.Restriction {
	t.Helper()
	restrictions, err := s.Memberships.Remove(t.Context(), m.Sub, m.WorkspaceID)
	if err != nil {
		t.Fatalf("Remove() = %v", err)
	}
	return restrictions
}

func wantLog(t *testing.T, s directorytest.Stores, want ...coherent.Restriction) {
	t.Helper()
	if diff := cmp.Diff(want, s.Log(t)); diff != "" {
		t.Errorf("log differs (-want +got):\n%s", diff)
	}
}

func adds(t *testing.T, s directorytest.Stores) {
	u, w := s.Subject(t, "ada"), s.Workspace(t, "one")
	want := membership.Membership{
		ID: uuid.New(), Sub: u.Sub, Username: "ada", WorkspaceID: w.ID, WorkspaceName: "one", Role: role.Member, Version: 1,
	}
	got, err := s.Memberships.Add(t.Context(), membership.Membership{ID: want.ID, Sub: u.Sub, WorkspaceID: w.ID, Role: role.Member})
	if err != nil {
		t.Fatalf("Add() = %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Add() differs (-want +got):\n%s", diff)
	}
	listed, err := s.Memberships.List(t.Context(), w.ID)
	if diff := cmp.Diff([]membership.Membership{want}, listed); err != nil || diff != "" {
		t.Errorf("List() = %v, differs (-want +got):\n%s", err, diff)
	}
	wantLog(t, s)
}

func addNamesMissing(t *testing.T, s directorytest.Stores) {
	u, w := s.Subject(t, "ada"), s.Workspace(t, "one")
	m := membership.Membership{ID: uuid.New(), Sub: u.Sub, WorkspaceID: uuid.New(), Role: role.Member}
	if _, err := s.Memberships.Add(t.Context(), m); !errors.Is(err, workspace.ErrNotFound) {
		t.Errorf("Add(unknown workspace) = %v", err)
	}
	m = membership.Membership{ID: uuid.New(), Sub: uuid.NewString(), WorkspaceID: w.ID, Role: role.Member}
	if _, err := s.Memberships.Add(t.Context(), m); !errors.Is(err, subject.ErrNotFound) {
		t.Errorf("Add(unknown subject) = %v", err)
	}
}

func addTwice(t *testing.T, s directorytest.Stores) {
	u, w := s.Subject(t, "ada"), s.Workspace(t, "one")
	want := s.Member(t, u, w, role.Viewer)
	m := membership.Membership{ID: uuid.New(), Sub: u.Sub, WorkspaceID: w.ID, Role: role.Admin}
	if _, err := s.Memberships.Add(t.Context(), m); !errors.Is(err, membership.ErrExists) {
		t.Errorf("Add(member) = %v", err)
	}
	listed, err := s.Memberships.List(t.Context(), w.ID)
	if diff := cmp.Diff([]membership.Membership{want}, listed); err != nil || diff != "" {
		t.Errorf("List() = %v, differs (-want +got):\n%s", err, diff)
	}
}

func addsAgain(t *testing.T, s directorytest.Stores) {
	u, w := s.Subject(t, "ada"), s.Workspace(t, "one")
	first := s.Member(t, u, w, role.Admin)
	removal := remove(t, s, first)
	second := s.Member(t, u, w, role.Admin)
	if second.ID == first.ID {
		t.Error("Add() gives the former membership id")
	}
	if second.Version != 3 {
		t.Errorf("Add() = version %d, want 3: after 1 and the removal", second.Version)
	}
	listed, err := s.Memberships.List(t.Context(), w.ID)
	if diff := cmp.Diff([]membership.Membership{second}, listed); err != nil || diff != "" {
		t.Errorf("List() = %v, differs (-want +got):\n%s", err, diff)
	}
	wantLog(t, s, removal...)
}

func lowers(t *testing.T, s directorytest.Stores) {
	m := s.Member(t, s.Subject(t, "ada"), s.Workspace(t, "one"), role.Admin)
	want := m
	want.Role, want.Version = role.Viewer, 2
	got, restrictions := setRole(t, s, m, role.Viewer)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("SetRole() differs (-want +got):\n%s", diff)
	}
	restriction := coherent.Membership(m.Sub, m.WorkspaceID, 2, role.Viewer)
	if diff := cmp.Diff([]coherent.Restriction{restriction}, restrictions); diff != "" {
		t.Errorf("SetRole() restricts otherwise (-want +got):\n%s", diff)
	}
	wantLog(t, s, restriction)
}

func raises(t *testing.T, s directorytest.Stores) {
	m := s.Member(t, s.Subject(t, "ada"), s.Workspace(t, "one"), role.Viewer)
	for _, r := range []role.Role{role.Member, role.Admin} {
		got, restrictions := setRole(t, s, m, r)
		if want := m.Version + int64(r-m.Role); got.Role != r || got.Version != want || len(restrictions) != 0 {
			t.Errorf("SetRole(%v) = %+v, %v, want version %d without restriction", r, got, restrictions, want)
		}
	}
	wantLog(t, s)
}

func keepsRole(t *testing.T, s directorytest.Stores) {
	m := s.Member(t, s.Subject(t, "ada"), s.Workspace(t, "one"), role.Viewer)
	got, restrictions := setRole(t, s, m, role.Viewer)
	if diff := cmp.Diff(m, got); diff != "" || len(restrictions) != 0 {
		t.Errorf("SetRole() restricts %v, differs (-want +got):\n%s", restrictions, diff)
	}
}

func removes(t *testing.T, s directorytest.Stores) {
	u, w := s.Subject(t, "ada"), s.Workspace(t, "one")
	m := s.Member(t, u, w, role.Admin)
	s.Project(t, w, "p")
	got := remove(t, s, m)
	want := coherent.Membership(m.Sub, m.WorkspaceID, 2, role.None)
	if diff := cmp.Diff([]coherent.Restriction{want}, got); diff != "" {
		t.Errorf("Remove() restricts otherwise (-want +got):\n%s", diff)
	}
	wantLog(t, s, want)
	if listed, err := s.Memberships.List(t.Context(), w.ID); err != nil || len(listed) != 0 {
		t.Errorf("List() = %v, %v, want none", listed, err)
	}
	if left, err := s.Memberships.Resources(t.Context(), u.Sub); err != nil || len(left.Memberships)+len(left.Projects) != 0 {
		t.Errorf("Resources() = %v, %v, want none", left, err)
	}
}

func noMember(t *testing.T, s directorytest.Stores) {
	u, other, w := s.Subject(t, "ada"), s.Subject(t, "bob"), s.Workspace(t, "one")
	former := s.Member(t, u, w, role.Admin)
	removal := remove(t, s, former)
	for name, sub := range map[string]string{"former member": u.Sub, "never a member": other.Sub, "unknown": uuid.NewString()} {
		if _, _, err := s.Memberships.SetRole(t.Context(), sub, w.ID, role.Viewer); !errors.Is(err, membership.ErrNotFound) {
			t.Errorf("SetRole(%s) = %v", name, err)
		}
		if _, err := s.Memberships.Remove(t.Context(), sub, w.ID); !errors.Is(err, membership.ErrNotFound) {
			t.Errorf("Remove(%s) = %v", name, err)
		}
	}
	wantLog(t, s, removal...)
}

func lists(t *testing.T, s directorytest.Stores) {
	w, other := s.Workspace(t, "one"), s.Workspace(t, "two")
	want := []string{"Bob", "ada", "bob", "\u00e5sa"}
	for _, i := range []int{2, 0, 3, 1} {
		s.Member(t, s.Subject(t, want[i]), w, role.Member)
	}
	s.Member(t, s.Subject(t, "carl"), other, role.Member)
	listed, err := s.Memberships.List(t.Context(), w.ID)
	if err != nil {
		t.Fatalf("List() = %v", err)
	}
	var got []string
	for _, m := range listed {
		got = append(got, m.Username)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("List() differs (-want +got):\n%s", diff)
	}
	if none, err := s.Memberships.List(t.Context(), uuid.New()); err != nil || len(none) != 0 {
		t.Errorf("List(unknown) = %v, %v, want none", none, err)
	}
}

func hasAdmin(t *testing.T, s directorytest.Stores) {
	w, other := s.Workspace(t, "one"), s.Workspace(t, "two")
	ada, bob := s.Subject(t, "ada"), s.Subject(t, "bob")
	want := func(when string, want bool) {
		t.Helper()
		if has, err := s.Memberships.HasAdmin(t.Context(), w.ID); err != nil || has != want {
			t.Errorf("%s: HasAdmin() = %v, %v, want %v", when, has, err, want)
		}
	}
	want("without members", false)
	s.Member(t, ada, other, role.Admin)
	m := s.Member(t, bob, w, role.Member)
	want("with a member, and an admin elsewhere", false)
	m, _ = setRole(t, s, m, role.Admin)
	want("with an admin", true)
	if _, _, err := s.Subjects.Disable(t.Context(), bob.Sub); err != nil {
		t.Fatal(err)
	}
	want("with a disabled admin", false)
	s.Member(t, ada, w, role.Admin)
	remove(t, s, m)
	want("with another admin", true)
	if _, err := s.Memberships.Remove(t.Context(), ada.Sub, w.ID); err != nil {
		t.Fatal(err)
	}
	want("without members again", false)
}
