package directory

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/fault"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

func TestRefusals(t *testing.T) {
	h := onSQLite(t)
	ada := h.subject(t, "ada")
	w := h.workspace(t, "one")
	h.member(t, ada, w, "viewer")
	bob := h.subject(t, "bob")
	none := uuid.NewString()
	ctx := t.Context()
	for _, tt := range []struct {
		name string
		call func() error
		want error
		says string
	}{
		{"GetSubject by sub", func() error {
			_, err := h.admin.GetSubject(ctx, &directoryv1.GetSubjectRequest{Sub: none})
			return err
		}, fault.NotFound, "no user with that sub"},
		{"GetSubject by name", func() error {
			_, err := h.admin.GetSubject(ctx, &directoryv1.GetSubjectRequest{Username: "zoe"})
			return err
		}, fault.NotFound, "no user with that name"},
		{"GetSubject by nothing", func() error {
			_, err := h.admin.GetSubject(ctx, &directoryv1.GetSubjectRequest{})
			return err
		}, fault.Invalid, "sub or username is required"},
		{"ListResources", func() error {
			_, err := h.admin.ListResources(ctx, &directoryv1.ListResourcesRequest{Sub: none})
			return err
		}, fault.NotFound, "no user with that sub"},
		{"CreateSubject", func() error {
			_, err := h.admin.CreateSubject(ctx, &directoryv1.CreateSubjectRequest{Username: "ada", Password: right})
			return err
		}, fault.AlreadyExists, "a user with that name exists already"},
		{"ListSubjects with a token of workspaces", func() error {
			h.workspace(t, "two")
			page, err := h.admin.ListWorkspaces(ctx, &directoryv1.ListWorkspacesRequest{PageSize: 1})
			if err != nil {
				return err
			}
			_, err = h.admin.ListSubjects(ctx, &directoryv1.ListSubjectsRequest{PageToken: page.GetNextPageToken()})
			return err
		}, fault.Invalid, "page_token must be the next_page_token of the page before"},
		{"DisableSubject", func() error {
			_, err := h.admin.DisableSubject(ctx, &directoryv1.DisableSubjectRequest{Sub: none})
			return err
		}, fault.NotFound, "no user with that sub"},
		{"CreateWorkspace", func() error {
			_, err := h.admin.CreateWorkspace(ctx, &directoryv1.CreateWorkspaceRequest{Name: " "})
			return err
		}, fault.Invalid, "name must be 1 to 120 characters long, not only spaces"},
		{"CreateWorkspace with a slug that is none", func() error {
			_, err := h.admin.CreateWorkspace(ctx, &directoryv1.CreateWorkspaceRequest{Name: "p", Slug: "-"})
			return err
		}, fault.Invalid, "slug must be 1 to 63 lower-case letters"},
		{"CreateWorkspace with a slug that is taken", func() error {
			_, err := h.admin.CreateWorkspace(ctx, &directoryv1.CreateWorkspaceRequest{Name: "p", Slug: w.GetSlug()})
			return err
		}, fault.AlreadyExists, "a workspace with that slug exists already"},
		{"BatchGetWorkspaces of what is no id", func() error {
			_, err := h.gateway.BatchGetWorkspaces(ctx, &directoryv1.BatchGetWorkspacesRequest{WorkspaceIds: []string{"x"}})
			return err
		}, fault.Invalid, ""},
		{"DeleteWorkspace", func() error {
			_, err := h.admin.DeleteWorkspace(ctx, &directoryv1.DeleteWorkspaceRequest{WorkspaceId: none})
			return err
		}, fault.NotFound, "no workspace with that id"},
		{"CreateProject", func() error {
			_, err := h.admin.CreateProject(ctx, &directoryv1.CreateProjectRequest{WorkspaceId: none, Name: "p"})
			return err
		}, fault.NotFound, "no workspace with that id"},
		{"ListProjects", func() error {
			_, err := h.admin.ListProjects(ctx, &directoryv1.ListProjectsRequest{WorkspaceId: none})
			return err
		}, fault.NotFound, "no workspace with that id"},
		{"DeleteProject", func() error {
			_, err := h.admin.DeleteProject(ctx, &directoryv1.DeleteProjectRequest{ProjectId: none})
			return err
		}, fault.NotFound, "no project with that id"},
		{"AddMember twice", func() error {
			_, err := h.admin.AddMember(ctx, &directoryv1.AddMemberRequest{WorkspaceId: w.GetWorkspaceId(), Sub: ada.GetSub(), Role: "admin"})
			return err
		}, fault.AlreadyExists, "that user is a member of that workspace already"},
		{"AddMember who is unknown", func() error {
			_, err := h.admin.AddMember(ctx, &directoryv1.AddMemberRequest{WorkspaceId: w.GetWorkspaceId(), Sub: "ada", Role: "admin"})
			return err
		}, fault.NotFound, "no user with that sub"},
		{"AddMember nowhere", func() error {
			_, err := h.admin.AddMember(ctx, &directoryv1.AddMemberRequest{WorkspaceId: none, Sub: ada.GetSub(), Role: "admin"})
			return err
		}, fault.NotFound, "no workspace with that id"},
		{"SetMemberRole of no member", func() error {
			_, err := h.admin.SetMemberRole(ctx, &directoryv1.SetMemberRoleRequest{WorkspaceId: w.GetWorkspaceId(), Sub: bob.GetSub(), Role: "admin"})
			return err
		}, fault.NotFound, "that user is not a member of that workspace"},
		{"RemoveMember of no member", func() error {
			_, err := h.admin.RemoveMember(ctx, &directoryv1.RemoveMemberRequest{WorkspaceId: w.GetWorkspaceId(), Sub: bob.GetSub()})
			return err
		}, fault.NotFound, "that user is not a member of that workspace"},
		{"ListMembers", func() error {
			_, err := h.admin.ListMembers(ctx, &directoryv1.ListMembersRequest{WorkspaceId: none})
			return err
		}, fault.NotFound, "no workspace with that id"},
		{"an administrative call of another service", func() error {
			_, err := h.authorize.DisableSubject(ctx, &directoryv1.DisableSubjectRequest{Sub: ada.GetSub()})
			return err
		}, fault.Denied, ""},
		{"N073: a password beyond 1 KiB of few characters", func() error {
			_, err := h.authorize.Authenticate(ctx, &directoryv1.AuthenticateRequest{Username: "ada", Password: strings.Repeat("\u00e9", 513)})
			return err
		}, fault.Invalid, "password must be at most 1,024 bytes long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.call()
			if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("call = %v, want %v: %s", err, tt.want, tt.says)
			}
		})
	}
}
