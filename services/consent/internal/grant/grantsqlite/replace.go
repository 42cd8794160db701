package grantsqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

// replaceApprovals writes the approvals of g in place of those that are there.
func replaceApprovals(ctx context.Context, tx *sql.Tx, g grant.Grant) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM consent_approval WHERE grant_id = ?`, g.ID[:]); err != nil {
		return fmt.Errorf("delete approvals: %w", err)
	}
	for _, a := range g.Approvals {
		r := a.At.Resource
		_, err := tx.ExecContext(ctx, `
			INSERT INTO consent_approval (grant_id, identity, audience, kind, resource_id, workspace_id, membership_id, version, by_policy, scope)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			g.ID[:], a.At.Identity[:], a.At.Audience, string(r.Kind), r.ID[:], r.WorkspaceID[:], r.MembershipID[:], a.Version, a.ByPolicy, a.Scope.String())
		if err != nil {
			return fmt.Errorf("insert approval: %w", err)
		}
	}
	return nil
}

// replaceFormer writes what the release before approvals may read, and as what the
// client was ever allowed something, which both read.
func replaceFormer(ctx context.Context, tx *sql.Tx, g grant.Grant, f grant.Former) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM consent_grant_workspace WHERE grant_id = ?`, g.ID[:]); err != nil {
		return fmt.Errorf("delete workspaces of grant: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM consent_grant_project WHERE grant_id = ?`, g.ID[:]); err != nil {
		return fmt.Errorf("delete projects of grant: %w", err)
	}
	for _, r := range f.Resources {
		insert, args := `INSERT INTO consent_grant_workspace (grant_id, workspace_id, membership_id) VALUES (?, ?, ?)`, []any{g.ID[:], r.ID[:], r.MembershipID[:]}
		if r.Kind == preset.Project {
			insert = `INSERT INTO consent_grant_project (grant_id, project_id, workspace_id, membership_id) VALUES (?, ?, ?, ?)`
			args = []any{g.ID[:], r.ID[:], r.WorkspaceID[:], r.MembershipID[:]}
		}
		if _, err := tx.ExecContext(ctx, insert, args...); err != nil {
			return fmt.Errorf("insert resource of grant: %w", err)
		}
	}
	for _, as := range g.Identities {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO consent_grant_identity (grant_id, digest)
			VALUES (?, ?)
			ON CONFLICT DO NOTHING`, g.ID[:], as[:])
		if err != nil {
			return fmt.Errorf("insert identity of grant: %w", err)
		}
	}
	return nil
}
