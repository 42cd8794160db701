package registry_test

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/fault"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

// ownerID is a workspace that is always there.
const ownerID = "0b8f0d6e-6c5f-4b0e-8f1d-2f6f3c1f7a10"

// directory is the part of a directory that the registry asks. Its subjects are
// u1, u2, u3 and u4.
type directory struct {
	directoryv1.UnimplementedDirectoryServiceServer

	mu          sync.Mutex
	workspaces  []string
	memberships []*directoryv1.Membership
	disabled    []string
	down        bool
}

// GetSubject implements DirectoryService.
func (d *directory) GetSubject(_ context.Context, req *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, fault.New(fault.Unavailable, "the directory is away")
	}
	if !slices.Contains([]string{"u1", "u2", "u3", "u4"}, req.GetSub()) {
		return nil, fault.New(fault.NotFound, "there is no such subject")
	}
	resp := &directoryv1.GetSubjectResponse{Subject: &directoryv1.Subject{
		Sub: req.GetSub(), Disabled: slices.Contains(d.disabled, req.GetSub()),
	}}
	for _, m := range d.memberships {
		if m.GetSub() == req.GetSub() && slices.Contains(req.GetWorkspaceIds(), m.GetWorkspaceId()) {
			resp.Memberships = append(resp.Memberships, m)
		}
	}
	return resp, nil
}

// ListResources implements DirectoryService.
func (d *directory) ListResources(_ context.Context, req *directoryv1.ListResourcesRequest) (*directoryv1.ListResourcesResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	resp := &directoryv1.ListResourcesResponse{}
	for _, m := range d.memberships {
		if m.GetSub() == req.GetSub() {
			resp.Memberships = append(resp.Memberships, m)
		}
	}
	return resp, nil
}

// BatchGetWorkspaces implements DirectoryService.
func (d *directory) BatchGetWorkspaces(_ context.Context, req *directoryv1.BatchGetWorkspacesRequest) (*directoryv1.BatchGetWorkspacesResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, fault.New(fault.Unavailable, "the directory is away")
	}
	resp := &directoryv1.BatchGetWorkspacesResponse{}
	for _, id := range append([]string{ownerID}, d.workspaces...) {
		if slices.Contains(req.GetWorkspaceIds(), id) {
			resp.Workspaces = append(resp.Workspaces, &directoryv1.Workspace{WorkspaceId: id})
		}
	}
	return resp, nil
}

// workspace adds one where subjects have roles.
func (d *directory) workspace(name string, roles map[string]string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := uuid.NewString()
	d.workspaces = append(d.workspaces, id)
	for sub, role := range roles {
		d.memberships = append(d.memberships, &directoryv1.Membership{
			Sub: sub, WorkspaceId: id, WorkspaceName: name, Role: role, MembershipId: uuid.NewString(),
		})
	}
	return id
}

func (d *directory) leave(sub string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memberships = slices.DeleteFunc(d.memberships, func(m *directoryv1.Membership) bool { return m.GetSub() == sub })
}

func (d *directory) disable(sub string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.disabled = append(d.disabled, sub)
}

func (d *directory) demote(sub, role string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.memberships {
		if m.GetSub() == sub {
			m.Role = role
		}
	}
}

func (d *directory) goAway() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = true
}
