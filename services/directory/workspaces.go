package directory

import (
	"context"
	"log/slog"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
)

// CreateWorkspace implements DirectoryService.
func (s *Service) CreateWorkspace(ctx context.Context, req *directoryv1.CreateWorkspaceRequest) (*directoryv1.CreateWorkspaceResponse, error) {
	created, err := s.workspaces.Create(ctx, req.GetName(), req.GetSlug())
	if err != nil {
		return nil, err
	}
	return &directoryv1.CreateWorkspaceResponse{Workspace: workspaceMessage(created)}, nil
}

// BatchGetWorkspaces implements DirectoryService.
func (s *Service) BatchGetWorkspaces(ctx context.Context, req *directoryv1.BatchGetWorkspacesRequest) (*directoryv1.BatchGetWorkspacesResponse, error) {
	ids := make([]uuid.UUID, len(req.GetWorkspaceIds()))
	for i, text := range req.GetWorkspaceIds() {
		id, err := parseID("workspace_ids", text)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	found, err := s.workspaces.Select(ctx, ids)
	if err != nil {
		return nil, err
	}
	return &directoryv1.BatchGetWorkspacesResponse{Workspaces: each(found, workspaceMessage)}, nil
}

// ListWorkspaces implements DirectoryService.
func (s *Service) ListWorkspaces(ctx context.Context, req *directoryv1.ListWorkspacesRequest) (*directoryv1.ListWorkspacesResponse, error) {
	found, next, err := s.workspaces.List(ctx, int(req.GetPageSize()), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &directoryv1.ListWorkspacesResponse{Workspaces: each(found, workspaceMessage), NextPageToken: next}, nil
}

// DeleteWorkspace implements DirectoryService.
func (s *Service) DeleteWorkspace(ctx context.Context, req *directoryv1.DeleteWorkspaceRequest) (*directoryv1.DeleteWorkspaceResponse, error) {
	id, err := parseID("workspace_id", req.GetWorkspaceId())
	if err != nil {
		return nil, err
	}
	return &directoryv1.DeleteWorkspaceResponse{}, s.workspaces.Delete(ctx, id)
}

// CreateProject implements DirectoryService.
func (s *Service) CreateProject(ctx context.Context, req *directoryv1.CreateProjectRequest) (*directoryv1.CreateProjectResponse, error) {
	id, err := parseID("workspace_id", req.GetWorkspaceId())
	if err != nil {
		return nil, err
	}
	created, err := s.projects.Create(ctx, id, req.GetName())
	if err != nil {
		return nil, err
	}
	return &directoryv1.CreateProjectResponse{Project: projectMessage(created)}, nil
}

// ListProjects implements DirectoryService.
func (s *Service) ListProjects(ctx context.Context, req *directoryv1.ListProjectsRequest) (*directoryv1.ListProjectsResponse, error) {
	id, err := parseID("workspace_id", req.GetWorkspaceId())
	if err != nil {
		return nil, err
	}
	found, err := s.projects.List(ctx, id)
	if err != nil {
		return nil, err
	}
	return &directoryv1.ListProjectsResponse{Projects: each(found, projectMessage)}, nil
}

// DeleteProject implements DirectoryService.
func (s *Service) DeleteProject(ctx context.Context, req *directoryv1.DeleteProjectRequest) (*directoryv1.DeleteProjectResponse, error) {
	id, err := parseID("project_id", req.GetProjectId())
	if err != nil {
		return nil, err
	}
	return &directoryv1.DeleteProjectResponse{}, s.projects.Delete(ctx, id)
}

// AddMember implements DirectoryService.
func (s *Service) AddMember(ctx context.Context, req *directoryv1.AddMemberRequest) (*directoryv1.AddMemberResponse, error) {
	id, err := parseID("workspace_id", req.GetWorkspaceId())
	if err != nil {
		return nil, err
	}
	added, err := s.memberships.Add(ctx, req.GetSub(), id, req.GetRole())
	if err != nil {
		return nil, err
	}
	return &directoryv1.AddMemberResponse{Membership: membershipMessage(added)}, nil
}

// SetMemberRole implements DirectoryService.
func (s *Service) SetMemberRole(ctx context.Context, req *directoryv1.SetMemberRoleRequest) (*directoryv1.SetMemberRoleResponse, error) {
	id, err := parseID("workspace_id", req.GetWorkspaceId())
	if err != nil {
		return nil, err
	}
	changed, err := s.memberships.SetRole(ctx, req.GetSub(), id, req.GetRole())
	if err != nil {
		return nil, err
	}
	left, err := s.memberships.Unmanaged(ctx, id)
	return &directoryv1.SetMemberRoleResponse{
		Membership: membershipMessage(changed), AppsWithoutAdmin: s.appsWithoutAdmin(ctx, left, err),
	}, nil
}

// RemoveMember implements DirectoryService.
func (s *Service) RemoveMember(ctx context.Context, req *directoryv1.RemoveMemberRequest) (*directoryv1.RemoveMemberResponse, error) {
	id, err := parseID("workspace_id", req.GetWorkspaceId())
	if err != nil {
		return nil, err
	}
	if err := s.memberships.Remove(ctx, req.GetSub(), id); err != nil {
		return nil, err
	}
	left, err := s.memberships.Unmanaged(ctx, id)
	return &directoryv1.RemoveMemberResponse{AppsWithoutAdmin: s.appsWithoutAdmin(ctx, left, err)}, nil
}

// unknownApps is the number of apps that nobody could count.
const unknownApps int64 = -1

// appsWithoutAdmin is nil if every workspace has an admin. That it cannot be found
// out is no failure: what it is about has happened.
func (s *Service) appsWithoutAdmin(ctx context.Context, u membership.Unmanaged, err error) *int64 {
	switch {
	case err != nil:
		s.log.WarnContext(ctx, "apps without an admin are not counted", slog.Any("error", err))
		return proto.Int64(unknownApps)
	case u.Workspaces == 0:
		return nil
	}
	return &u.Apps
}

// ListMembers implements DirectoryService.
func (s *Service) ListMembers(ctx context.Context, req *directoryv1.ListMembersRequest) (*directoryv1.ListMembersResponse, error) {
	id, err := parseID("workspace_id", req.GetWorkspaceId())
	if err != nil {
		return nil, err
	}
	found, err := s.memberships.List(ctx, id)
	if err != nil {
		return nil, err
	}
	return &directoryv1.ListMembersResponse{Memberships: each(found, membershipMessage)}, nil
}
