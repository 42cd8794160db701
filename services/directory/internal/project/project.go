// Package project is a part of a workspace that a subject can share by itself.
// Roles in it are those in the workspace.
package project

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// Project is one project.
type Project struct {
	ID          uuid.UUID
	WorkspaceID uuid.UUID
	Name        string
	// Version is what tokens that name the project carry.
	Version    int64
	CreateTime time.Time
}

// ErrNotFound is returned for a project that never was, or was deleted.
var ErrNotFound = errors.New("project not found")

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}

// Directory administers projects.
type Directory struct {
	Projects   *Store
	Workspaces *workspace.Store
	Hints      Publisher
}

// Create adds a project to a workspace. Fails with fault.Invalid and
// fault.NotFound.
func (d *Directory) Create(ctx context.Context, workspaceID uuid.UUID, name string) (Project, error) {
	if err := workspace.CheckName(name); err != nil {
		return Project{}, err
	}
	p, err := d.Projects.Create(ctx, Project{ID: uuid.New(), WorkspaceID: workspaceID, Name: name})
	if errors.Is(err, workspace.ErrNotFound) {
		return Project{}, workspace.Named(err)
	}
	if err != nil {
		return Project{}, fmt.Errorf("create project: %w", err)
	}
	return p, nil
}

// List returns the projects of a workspace, oldest first. Fails with
// fault.NotFound.
func (d *Directory) List(ctx context.Context, workspaceID uuid.UUID) ([]Project, error) {
	if _, err := d.Workspaces.Find(ctx, workspaceID); err != nil {
		return nil, workspace.Named(err)
	}
	projects, err := d.Projects.List(ctx, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	return projects, nil
}

// Delete deletes a project. Fails with fault.NotFound.
func (d *Directory) Delete(ctx context.Context, id uuid.UUID) error {
	restrictions, err := d.Projects.Delete(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return fault.Because(fault.NotFound, "no project with that id", err)
	}
	if err != nil {
		return fmt.Errorf("delete project: %w", err)
	}
	d.Hints.Publish(ctx, restrictions...)
	return nil
}
