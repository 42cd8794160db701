package consent

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/role"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

// directory implements grant.Directory by the directory service, which may be
// the platform's own: what it answers is checked.
type directory struct {
	client directoryv1.DirectoryServiceClient
}

// Shareable implements grant.Directory.
func (d directory) Shareable(ctx context.Context, sub string) (grant.Resources, error) {
	resp, err := d.client.ListResources(ctx, &directoryv1.ListResourcesRequest{Sub: sub})
	if err != nil {
		return grant.Resources{}, err
	}
	var resources grant.Resources
	workspaces := make(map[uuid.UUID]grant.Workspace, len(resp.GetMemberships()))
	for _, m := range resp.GetMemberships() {
		w, err := fromMembership(m)
		if err != nil {
			return grant.Resources{}, fmt.Errorf("read membership: %w", err)
		}
		workspaces[w.ID] = w
		resources.Workspaces = append(resources.Workspaces, w)
	}
	for _, m := range resp.GetProjects() {
		p, err := fromProject(m)
		if err != nil {
			return grant.Resources{}, fmt.Errorf("read project: %w", err)
		}
		// Without a membership in its workspace there is no role to share.
		if w, ok := workspaces[p.Workspace.ID]; ok {
			p.Workspace = w
			resources.Projects = append(resources.Projects, p)
		}
	}
	return resources, nil
}

func fromMembership(m *directoryv1.Membership) (grant.Workspace, error) {
	id, err := uuid.Parse(m.GetWorkspaceId())
	if err != nil {
		return grant.Workspace{}, fmt.Errorf("parse workspace_id: %w", err)
	}
	membership, err := uuid.Parse(m.GetMembershipId())
	if err != nil {
		return grant.Workspace{}, fmt.Errorf("parse membership_id: %w", err)
	}
	held, err := role.Parse(m.GetRole())
	if err != nil {
		return grant.Workspace{}, err
	}
	return grant.Workspace{ID: id, MembershipID: membership, Name: m.GetWorkspaceName(), Role: held}, nil
}

// fromProject returns a project of whose workspace only the id is known.
func fromProject(m *directoryv1.Project) (grant.Project, error) {
	id, err := uuid.Parse(m.GetProjectId())
	if err != nil {
		return grant.Project{}, fmt.Errorf("parse project_id: %w", err)
	}
	workspaceID, err := uuid.Parse(m.GetWorkspaceId())
	if err != nil {
		return grant.Project{}, fmt.Errorf("parse workspace_id: %w", err)
	}
	return grant.Project{ID: id, Name: m.GetName(), Workspace: grant.Workspace{ID: workspaceID}}, nil
}
