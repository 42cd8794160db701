// Package workspacepg keeps workspaces in PostgreSQL.
package workspacepg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

var _ workspace.Store = (*Store)(nil)

// Store implements workspace.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// columns are those that scan reads.
const columns = `workspace_id, name, coalesce(slug, workspace_id::text), create_time`

func scan(row pgx.Row) (workspace.Workspace, error) {
	var w workspace.Workspace
	if err := row.Scan(&w.ID, &w.Name, &w.Slug, &w.CreateTime); err != nil {
		return workspace.Workspace{}, err
	}
	w.CreateTime = w.CreateTime.UTC()
	return w, nil
}

// Create implements workspace.Store.
func (s *Store) Create(ctx context.Context, w workspace.Workspace) (created workspace.Workspace, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		created, err = scan(tx.QueryRow(ctx, `
			INSERT INTO directory.workspace (workspace_id, name, slug)
			VALUES ($1, $2, $3)
			RETURNING `+columns, w.ID, w.Name, w.Slug))
		if pg.Unique(err, "workspace_slug") {
			return workspace.ErrSlugTaken
		}
		if err != nil {
			return err
		}
		return eventpg.Append(ctx, tx, workspace.Created(w.ID))
	})
	if err != nil {
		return workspace.Workspace{}, fmt.Errorf("insert workspace: %w", err)
	}
	return created, nil
}

// Find implements workspace.Store.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (workspace.Workspace, error) {
	w, err := scan(s.db.QueryRow(ctx, `SELECT `+columns+` FROM directory.workspace WHERE workspace_id = $1`, id))
	if errors.Is(err, pgx.ErrNoRows) {
		return workspace.Workspace{}, workspace.ErrNotFound
	}
	if err != nil {
		return workspace.Workspace{}, fmt.Errorf("select workspace: %w", err)
	}
	return w, nil
}

// Select implements workspace.Store.
func (s *Store) Select(ctx context.Context, ids []uuid.UUID) ([]workspace.Workspace, error) {
	rows, err := s.db.Query(ctx, `SELECT `+columns+` FROM directory.workspace WHERE workspace_id = ANY ($1)`, ids)
	return collect(rows, err)
}

func collect(rows pgx.Rows, err error) ([]workspace.Workspace, error) {
	if err != nil {
		return nil, fmt.Errorf("select workspaces: %w", err)
	}
	workspaces, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (workspace.Workspace, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("select workspaces: %w", err)
	}
	return workspaces, nil
}

// List implements workspace.Store.
func (s *Store) List(ctx context.Context, after page.Cursor, limit int) ([]workspace.Workspace, error) {
	rows, err := s.db.Query(ctx, `
		SELECT `+columns+`
		  FROM directory.workspace
		 WHERE (create_time, workspace_id) > ($1, $2)
		 ORDER BY create_time, workspace_id
		 LIMIT $3`, after.CreateTime, cmp.Or(after.ID, uuid.Nil.String()), limit)
	return collect(rows, err)
}

// Delete implements workspace.Store. The lock on the workspace makes an addition
// to it either commit first, and be deleted as well, or find no workspace.
func (s *Store) Delete(ctx context.Context, id uuid.UUID) ([]coherent.Restriction, error) {
	var restrictions []coherent.Restriction
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, id); err != nil {
			return err
		}
		members, err := deleteMembers(ctx, tx, id)
		if err != nil {
			return fmt.Errorf("delete memberships: %w", err)
		}
		projects, err := deleteProjects(ctx, tx, id)
		if err != nil {
			return fmt.Errorf("delete projects: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM directory.workspace WHERE workspace_id = $1`, id); err != nil {
			return fmt.Errorf("delete workspace: %w", err)
		}
		restrictions = slices.Concat(members, projects)
		if err := eventpg.Append(ctx, tx, workspace.Deleted(id)); err != nil {
			return err
		}
		return coherentpg.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

func lock(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	tag, err := tx.Exec(ctx, `SELECT FROM directory.workspace WHERE workspace_id = $1 FOR UPDATE`, id)
	if err != nil {
		return fmt.Errorf("lock workspace: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return workspace.ErrNotFound
	}
	return nil
}

// deleteMembers restricts former members too: what their removal said is said
// once more, with a later version.
func deleteMembers(ctx context.Context, tx pgx.Tx, id uuid.UUID) ([]coherent.Restriction, error) {
	rows, err := tx.Query(ctx, `DELETE FROM directory.membership WHERE workspace_id = $1 RETURNING sub, version + 1`, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (coherent.Restriction, error) {
		var (
			sub     string
			version int64
		)
		err := row.Scan(&sub, &version)
		return coherent.Membership(sub, id, version, role.None), err
	})
}

func deleteProjects(ctx context.Context, tx pgx.Tx, id uuid.UUID) ([]coherent.Restriction, error) {
	rows, err := tx.Query(ctx, `DELETE FROM directory.project WHERE workspace_id = $1 RETURNING project_id, version + 1`, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (coherent.Restriction, error) {
		var (
			project uuid.UUID
			version int64
		)
		err := row.Scan(&project, &version)
		return coherent.Project(project, version), err
	})
}
