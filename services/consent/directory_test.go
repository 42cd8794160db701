package consent_test

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/fault"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

// directory is the part of a directory that the consent service asks.
type directory struct {
	directoryv1.UnimplementedDirectoryServiceServer

	mu          sync.Mutex
	memberships []*directoryv1.Membership
	projects    []*directoryv1.Project
	stray       []*directoryv1.Project // named to everybody
	afterAnswer func()                 // what happens once an answer is made
	answers     int
}

// ListResources implements DirectoryService for the subjects u1 and u2, and those
// of models.
func (d *directory) ListResources(_ context.Context, req *directoryv1.ListResourcesRequest) (*directoryv1.ListResourcesResponse, error) {
	resp, err := d.list(req)
	if err == nil && d.afterAnswer != nil {
		d.afterAnswer()
	}
	return resp, err
}

func (d *directory) list(req *directoryv1.ListResourcesRequest) (*directoryv1.ListResourcesResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers++
	if req.GetSub() != u1 && req.GetSub() != u2 && !strings.HasPrefix(req.GetSub(), "model ") {
		return nil, fault.New(fault.NotFound, "there is no such subject")
	}
	resp := &directoryv1.ListResourcesResponse{}
	for _, m := range d.memberships {
		if m.GetSub() != req.GetSub() {
			continue
		}
		resp.Memberships = append(resp.Memberships, m)
		for _, p := range d.projects {
			if p.GetWorkspaceId() == m.GetWorkspaceId() {
				resp.Projects = append(resp.Projects, p)
			}
		}
	}
	resp.Projects = append(resp.Projects, d.stray...)
	return resp, nil
}

func (d *directory) workspace(name string, roles map[string]string) string {
	id := uuid.NewString()
	for sub, role := range roles {
		d.join(sub, id, name, role)
	}
	return id
}

// join makes a membership, with an id that no other one had.
func (d *directory) join(sub, workspace, name, role string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memberships = append(d.memberships, &directoryv1.Membership{
		Sub: sub, WorkspaceId: workspace, WorkspaceName: name, Role: role, MembershipId: uuid.NewString(),
	})
}

// leave ends the membership of u1.
func (d *directory) leave(workspace string) { d.leaves(u1, workspace) }

func (d *directory) leaves(sub, workspace string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memberships = slices.DeleteFunc(d.memberships, func(m *directoryv1.Membership) bool {
		return m.GetSub() == sub && m.GetWorkspaceId() == workspace
	})
}

// setRole changes a role, and leaves the membership.
func (d *directory) setRole(sub, workspace, role string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, m := range d.memberships {
		if m.GetSub() == sub && m.GetWorkspaceId() == workspace {
			changed := proto.CloneOf(m)
			changed.Role = role
			d.memberships[i] = changed
		}
	}
}

// membershipID is empty for a subject that is no member.
func (d *directory) membershipID(sub, workspace string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.memberships {
		if m.GetSub() == sub && m.GetWorkspaceId() == workspace {
			return m.GetMembershipId()
		}
	}
	return ""
}

// forget removes workspaces and all that is in them.
func (d *directory) forget(workspaces ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memberships = slices.DeleteFunc(d.memberships, func(m *directoryv1.Membership) bool { return slices.Contains(workspaces, m.GetWorkspaceId()) })
	d.projects = slices.DeleteFunc(d.projects, func(p *directoryv1.Project) bool { return slices.Contains(workspaces, p.GetWorkspaceId()) })
}

func (d *directory) project(workspace, name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := uuid.NewString()
	d.projects = append(d.projects, &directoryv1.Project{ProjectId: id, WorkspaceId: workspace, Name: name})
	return id
}

func (d *directory) deleteProject(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.projects = slices.DeleteFunc(d.projects, func(p *directoryv1.Project) bool { return p.GetProjectId() == id })
}
