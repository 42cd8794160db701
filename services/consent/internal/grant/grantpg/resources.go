package grantpg

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

// replace replaces the resources of the kinds that c selects.
func replace(ctx context.Context, tx pgx.Tx, id uuid.UUID, c grant.Change) error {
	if c.Kinds.Workspaces {
		if err := replaceWorkspaces(ctx, tx, id, c.Workspaces); err != nil {
			return err
		}
	}
	if c.Kinds.Projects {
		return replaceProjects(ctx, tx, id, c.Projects)
	}
	return nil
}

func replaceWorkspaces(ctx context.Context, tx pgx.Tx, id uuid.UUID, shared []grant.SharedWorkspace) error {
	if _, err := tx.Exec(ctx, `DELETE FROM consent.grant_workspace WHERE grant_id = $1`, id); err != nil {
		return fmt.Errorf("delete workspaces of grant: %w", err)
	}
	workspaces, memberships := make([]uuid.UUID, len(shared)), make([]uuid.UUID, len(shared))
	for i, w := range shared {
		workspaces[i], memberships[i] = w.ID, w.MembershipID
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO consent.grant_workspace (grant_id, workspace_id, membership_id)
		SELECT $1, * FROM unnest($2::uuid[], $3::uuid[])`, id, workspaces, memberships)
	if err != nil {
		return fmt.Errorf("insert workspaces of grant: %w", err)
	}
	return nil
}

func replaceProjects(ctx context.Context, tx pgx.Tx, id uuid.UUID, shared []grant.SharedProject) error {
	if _, err := tx.Exec(ctx, `DELETE FROM consent.grant_project WHERE grant_id = $1`, id); err != nil {
		return fmt.Errorf("delete projects of grant: %w", err)
	}
	n := len(shared)
	projects, workspaces, memberships := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]uuid.UUID, n)
	for i, p := range shared {
		projects[i], workspaces[i], memberships[i] = p.ID, p.WorkspaceID, p.MembershipID
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO consent.grant_project (grant_id, project_id, workspace_id, membership_id)
		SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::uuid[])`, id, projects, workspaces, memberships)
	if err != nil {
		return fmt.Errorf("insert projects of grant: %w", err)
	}
	return nil
}
