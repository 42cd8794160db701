package membershiptest

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
)

func changesAreRecorded(t *testing.T, s directorytest.Stores) {
	u, w := s.Subject(t, "ada"), s.Workspace(t, "one")
	trail := s.Audit.Follow(t)
	m := s.Member(t, u, w, role.Member)
	of := event.Event{Type: event.MemberAdded, Sub: u.Sub, WorkspaceID: w.ID, Role: role.Member}
	trail.Check(t, of)
	m.ID = uuid.New()
	if _, err := s.Memberships.Add(t.Context(), m); !errors.Is(err, membership.ErrExists) {
		t.Errorf("Add() again = %v", err)
	}
	trail.Check(t)

	of.Type = event.MemberRoleChanged
	for _, r := range []role.Role{role.Admin, role.Viewer} {
		setRole(t, s, m, r)
		setRole(t, s, m, r)
		of.Role = r
		trail.Check(t, of)
	}

	remove(t, s, m)
	of.Type, of.Role = event.MemberRemoved, role.None
	trail.Check(t, of)
	_, removed := s.Memberships.Remove(t.Context(), u.Sub, w.ID)
	_, _, changed := s.Memberships.SetRole(t.Context(), u.Sub, w.ID, role.Admin)
	for _, err := range []error{removed, changed} {
		if !errors.Is(err, membership.ErrNotFound) {
			t.Errorf("a change of no member = %v", err)
		}
	}
	trail.Check(t)
}

func unrecordedDoesNotHappen(t *testing.T, s directorytest.Stores) {
	u, w := s.Subject(t, "ada"), s.Workspace(t, "one")
	m := s.Member(t, u, w, role.Member)
	bob := s.Subject(t, "bob")
	s.Audit.Break(t)
	if _, _, err := s.Memberships.SetRole(t.Context(), u.Sub, w.ID, role.Viewer); err == nil {
		t.Error("a role is changed without a record")
	}
	if _, err := s.Memberships.Remove(t.Context(), u.Sub, w.ID); err == nil {
		t.Error("a member is removed without a record")
	}
	if _, err := s.Memberships.Add(t.Context(), membership.Membership{ID: uuid.New(), Sub: bob.Sub, WorkspaceID: w.ID, Role: role.Admin}); err == nil {
		t.Error("a member is added without a record")
	}
	if got, err := s.Memberships.List(t.Context(), w.ID); err != nil || len(got) != 1 || got[0] != m {
		t.Errorf("List() = %+v, %v, want %+v alone", got, err, m)
	}
	wantLog(t, s)
}
