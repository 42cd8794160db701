package membershiptest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
)

func standing(t *testing.T, s directorytest.Stores) {
	ada, bob := s.Subject(t, "ada"), s.Subject(t, "bob")
	mine, bare, foreign := s.Workspace(t, "mine"), s.Workspace(t, "bare"), s.Workspace(t, "foreign")
	inMine, inBare := s.Member(t, ada, mine, role.Viewer), s.Member(t, ada, bare, role.Admin)
	s.Member(t, bob, foreign, role.Admin)
	left := s.Workspace(t, "left")
	remove(t, s, s.Member(t, ada, left, role.Admin))
	p, q, theirs, lost := s.Project(t, mine, "p"), s.Project(t, mine, "q"), s.Project(t, foreign, "theirs"), s.Project(t, left, "lost")

	type ids = []uuid.UUID
	type memberships = []membership.Membership
	tests := []struct {
		name                 string
		workspaces, projects ids
		want                 membership.Standing
	}{
		{"nothing", nil, nil, membership.Standing{}},
		{"a workspace", ids{mine.ID}, nil, membership.Standing{Memberships: memberships{inMine}}},
		{"a workspace twice", ids{mine.ID, mine.ID}, nil, membership.Standing{Memberships: memberships{inMine}}},
		{"a workspace without projects", ids{bare.ID}, nil, membership.Standing{Memberships: memberships{inBare}}},
		{"a project brings its workspace", nil, ids{q.ID}, membership.Standing{
			Memberships: memberships{inMine}, Projects: []project.Project{q},
		}},
		{"two projects of one workspace", nil, ids{q.ID, p.ID}, membership.Standing{
			Memberships: memberships{inMine}, Projects: []project.Project{p, q},
		}},
		{"a workspace and a project of another", ids{bare.ID}, ids{p.ID}, membership.Standing{
			Memberships: memberships{inBare, inMine}, Projects: []project.Project{p},
		}},
		{"a workspace of somebody else", ids{foreign.ID}, nil, membership.Standing{}},
		{"a project of somebody else", nil, ids{theirs.ID}, membership.Standing{}},
		{"a workspace that was left", ids{left.ID}, nil, membership.Standing{}},
		{"a project of a workspace that was left", nil, ids{lost.ID}, membership.Standing{}},
		{"unknown ids", ids{uuid.New()}, ids{uuid.New()}, membership.Standing{}},
		{"a project's id as a workspace's", ids{p.ID}, ids{mine.ID}, membership.Standing{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.Memberships.Standing(t.Context(), ada.Sub, tt.workspaces, tt.projects)
			if err != nil {
				t.Fatalf("Standing() = %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Standing() differs (-want +got):\n%s", diff)
			}
		})
	}
}

func resources(t *testing.T, s directorytest.Stores) {
	ada, bob := s.Subject(t, "ada"), s.Subject(t, "bob")
	z, a, left, foreign := s.Workspace(t, "z"), s.Workspace(t, "a"), s.Workspace(t, "left"), s.Workspace(t, "foreign")
	inZ, inA := s.Member(t, ada, z, role.Viewer), s.Member(t, ada, a, role.Admin)
	remove(t, s, s.Member(t, ada, left, role.Admin))
	s.Member(t, bob, foreign, role.Admin)
	s.Member(t, bob, a, role.Admin)
	q, p := s.Project(t, z, "q"), s.Project(t, z, "p")
	s.Project(t, left, "lost")
	s.Project(t, foreign, "theirs")

	got, err := s.Memberships.Resources(t.Context(), ada.Sub)
	if err != nil {
		t.Fatalf("Resources() = %v", err)
	}
	want := membership.Standing{
		Memberships: []membership.Membership{inA, inZ},
		Projects:    []project.Project{p, q},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Resources() differs (-want +got):\n%s", diff)
	}
}
