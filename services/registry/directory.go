package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/role"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	"github.com/chancery-auth/chancery/services/registry/internal/app"
)

// directory implements app.Directory by the directory service, which may be the
// platform's own: what it answers is checked.
type directory struct {
	client directoryv1.DirectoryServiceClient
}

// Membership implements app.Directory.
func (d directory) Membership(ctx context.Context, sub, workspaceID string) (app.Membership, error) {
	resp, err := d.enabled(ctx, &directoryv1.GetSubjectRequest{Sub: sub, WorkspaceIds: []string{workspaceID}})
	if errors.Is(err, fault.NotFound) {
		return app.Membership{}, app.ErrNoMember
	}
	if err != nil {
		return app.Membership{}, err
	}
	for _, m := range resp.GetMemberships() {
		if m.GetWorkspaceId() == workspaceID {
			return fromMembership(m)
		}
	}
	return app.Membership{}, app.ErrNoMember
}

// Memberships implements app.Directory.
func (d directory) Memberships(ctx context.Context, sub string) ([]app.Membership, error) {
	if _, err := d.enabled(ctx, &directoryv1.GetSubjectRequest{Sub: sub}); err != nil {
		return nil, err
	}
	resp, err := d.client.ListResources(ctx, &directoryv1.ListResourcesRequest{Sub: sub})
	if err != nil {
		return nil, err
	}
	memberships := make([]app.Membership, len(resp.GetMemberships()))
	for i, m := range resp.GetMemberships() {
		if memberships[i], err = fromMembership(m); err != nil {
			return nil, err
		}
	}
	return memberships, nil
}

// checkOwner fails with fault.Invalid for a workspace that there is not. It asks
// nothing where no workspace can be meant: what else is wrong with such an id, the
// rules of every client say.
func (d directory) checkOwner(ctx context.Context, workspaceID string) error {
	if !isID(workspaceID) {
		return nil
	}
	resp, err := d.client.BatchGetWorkspaces(ctx, &directoryv1.BatchGetWorkspacesRequest{WorkspaceIds: []string{workspaceID}})
	if err != nil {
		return err
	}
	for _, w := range resp.GetWorkspaces() {
		if w.GetWorkspaceId() == workspaceID {
			return nil
		}
	}
	return fault.New(fault.Invalid, "workspace_id names no workspace")
}

// isID reports whether s is a UUID in the one spelling that the directory has.
func isID(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && id.String() == s
}

// enabled asks for a subject, to whom nothing is open once they are disabled.
// Fails with fault.NotFound.
func (d directory) enabled(ctx context.Context, req *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
	resp, err := d.client.GetSubject(ctx, req)
	if err != nil {
		return nil, err
	}
	if resp.GetSubject().GetDisabled() {
		return nil, fault.New(fault.NotFound, "there is no such subject")
	}
	return resp, nil
}

func fromMembership(m *directoryv1.Membership) (app.Membership, error) {
	held, err := role.Parse(m.GetRole())
	if err != nil {
		return app.Membership{}, fmt.Errorf("read membership: %w", err)
	}
	return app.Membership{WorkspaceID: m.GetWorkspaceId(), WorkspaceName: m.GetWorkspaceName(), Role: held}, nil
}
