package grant

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// replaceApprovals writes the approvals of g in place of those that are there.
func replaceApprovals(ctx context.Context, tx *database.Tx, g Grant) error {
	if _, err := tx.Exec(ctx, `DELETE FROM consent.approval WHERE grant_id = $1`, g.ID); err != nil {
		return fmt.Errorf("delete approvals: %w", err)
	}
	n := len(g.Approvals)
	identities, versions, byPolicy := make([][]byte, n), make([]int64, n), make([]bool, n)
	audiences, kinds, scopes := make([]string, n), make([]string, n), make([]string, n)
	resources, workspaces, memberships := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]uuid.UUID, n)
	for i, a := range g.Approvals {
		r := a.At.Resource
		identities[i], versions[i], byPolicy[i] = a.At.Identity[:], a.Version, a.ByPolicy
		audiences[i], kinds[i], scopes[i] = a.At.Audience, string(r.Kind), a.Scope.String()
		resources[i], workspaces[i], memberships[i] = r.ID, r.WorkspaceID, r.MembershipID
	}
	err := tx.InsertEach(ctx, `
		INSERT INTO consent.approval (grant_id, identity, audience, kind, resource_id, workspace_id, membership_id, version, by_policy, scope)
		SELECT $1, * FROM unnest($2::bytea[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::bigint[], $9::boolean[], $10::text[])`,
		g.ID, identities, audiences, kinds, resources, workspaces, memberships, versions, byPolicy, scopes)
	if err != nil {
		return fmt.Errorf("insert approvals: %w", err)
	}
	return nil
}

// replaceFormer writes what the release before approvals may read, and as what the
// client was ever allowed something, which both read.
func replaceFormer(ctx context.Context, tx *database.Tx, g Grant, f Former) error {
	var workspaces, projects [3][]uuid.UUID // ids, workspaces and memberships
	for _, r := range f.Resources {
		to := &workspaces
		if r.Kind == preset.Project {
			to = &projects
		}
		to[0], to[1], to[2] = append(to[0], r.ID), append(to[1], r.WorkspaceID), append(to[2], r.MembershipID)
	}
	identities := make([][]byte, len(g.Identities))
	for i, as := range g.Identities {
		identities[i] = as[:]
	}
	var batch database.Batch
	batch.Queue(`DELETE FROM consent.grant_workspace WHERE grant_id = $1`, g.ID)
	batch.Queue(`DELETE FROM consent.grant_project WHERE grant_id = $1`, g.ID)
	batch.QueueEach(`
		INSERT INTO consent.grant_workspace (grant_id, workspace_id, membership_id)
		SELECT $1, * FROM unnest($2::uuid[], $3::uuid[])`, g.ID, workspaces[0], workspaces[2])
	batch.QueueEach(`
		INSERT INTO consent.grant_project (grant_id, project_id, workspace_id, membership_id)
		SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::uuid[])`, g.ID, projects[0], projects[1], projects[2])
	batch.QueueEach(`
		INSERT INTO consent.grant_identity (grant_id, digest)
		SELECT $1, * FROM unnest($2::bytea[])
		ON CONFLICT DO NOTHING`, g.ID, identities)
	if err := tx.Send(ctx, batch); err != nil {
		return fmt.Errorf("write for the former release: %w", err)
	}
	return nil
}
