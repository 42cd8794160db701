// Package workspacesqlite keeps workspaces in SQLite.
package workspacesqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

var _ workspace.Store = (*Store)(nil)

// Store implements workspace.Store.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// rowQuerier is what a pool and a transaction share.
type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// columns are those that scan reads.
const columns = `workspace_id, name, coalesce(slug, workspace_id), create_time`

func scan(row interface{ Scan(into ...any) error }) (workspace.Workspace, error) {
	var (
		w      workspace.Workspace
		micros int64
	)
	if err := row.Scan(&w.ID, &w.Name, &w.Slug, &micros); err != nil {
		return workspace.Workspace{}, err
	}
	w.CreateTime = sqlite.FromTime(micros)
	return w, nil
}

// Create implements workspace.Store.
func (s *Store) Create(ctx context.Context, w workspace.Workspace) (created workspace.Workspace, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		created, err = scan(tx.QueryRowContext(ctx, `
			INSERT INTO directory_workspace (workspace_id, name, slug)
			VALUES (?, ?, ?)
			RETURNING `+columns, w.ID, w.Name, w.Slug))
		if sqlite.Unique(err, "index 'directory_workspace_slug'") {
			return workspace.ErrSlugTaken
		}
		if err != nil {
			return err
		}
		return eventsqlite.Append(ctx, tx, workspace.Created(w.ID))
	})
	if err != nil {
		return workspace.Workspace{}, fmt.Errorf("insert workspace: %w", err)
	}
	return created, nil
}

// Find implements workspace.Store.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (workspace.Workspace, error) {
	return find(ctx, s.db.Read(), id)
}

func find(ctx context.Context, db rowQuerier, id uuid.UUID) (workspace.Workspace, error) {
	w, err := scan(db.QueryRowContext(ctx, `SELECT `+columns+` FROM directory_workspace WHERE workspace_id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return workspace.Workspace{}, workspace.ErrNotFound
	}
	if err != nil {
		return workspace.Workspace{}, fmt.Errorf("select workspace: %w", err)
	}
	return w, nil
}

// Select implements workspace.Store.
func (s *Store) Select(ctx context.Context, ids []uuid.UUID) ([]workspace.Workspace, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("marshal ids: %w", err)
	}
	return s.list(ctx, `SELECT `+columns+` FROM directory_workspace WHERE workspace_id IN (SELECT value FROM json_each(?))`, string(list))
}

// List implements workspace.Store.
func (s *Store) List(ctx context.Context, after page.Cursor, limit int) ([]workspace.Workspace, error) {
	return s.list(ctx, `
		SELECT `+columns+`
		  FROM directory_workspace
		 WHERE (create_time, workspace_id) > (?, ?)
		 ORDER BY create_time, workspace_id
		 LIMIT ?`, sqlite.Time(after.CreateTime), after.ID, limit)
}

func (s *Store) list(ctx context.Context, query string, args ...any) ([]workspace.Workspace, error) {
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("select workspaces: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var workspaces []workspace.Workspace
	for rows.Next() {
		w, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("select workspaces: %w", err)
		}
		workspaces = append(workspaces, w)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select workspaces: %w", err)
	}
	return workspaces, nil
}

// Delete implements workspace.Store.
func (s *Store) Delete(ctx context.Context, id uuid.UUID) ([]coherent.Restriction, error) {
	var restrictions []coherent.Restriction
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		if _, err := find(ctx, tx, id); err != nil {
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
		if _, err := tx.ExecContext(ctx, `DELETE FROM directory_workspace WHERE workspace_id = ?`, id); err != nil {
			return fmt.Errorf("delete workspace: %w", err)
		}
		restrictions = slices.Concat(members, projects)
		if err := eventsqlite.Append(ctx, tx, workspace.Deleted(id)); err != nil {
			return err
		}
		return coherentsqlite.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// deleteMembers restricts former members too: what their removal said is said
// once more, with a later version.
func deleteMembers(ctx context.Context, tx *sql.Tx, id uuid.UUID) ([]coherent.Restriction, error) {
	rows, err := tx.QueryContext(ctx, `DELETE FROM directory_membership WHERE workspace_id = ? RETURNING sub, version + 1`, id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var restrictions []coherent.Restriction
	for rows.Next() {
		var (
			sub     string
			version int64
		)
		if err := rows.Scan(&sub, &version); err != nil {
			return nil, err
		}
		restrictions = append(restrictions, coherent.Membership(sub, id, version, role.None))
	}
	return restrictions, rows.Err()
}

func deleteProjects(ctx context.Context, tx *sql.Tx, id uuid.UUID) ([]coherent.Restriction, error) {
	rows, err := tx.QueryContext(ctx, `DELETE FROM directory_project WHERE workspace_id = ? RETURNING project_id, version + 1`, id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var restrictions []coherent.Restriction
	for rows.Next() {
		var (
			project uuid.UUID
			version int64
		)
		if err := rows.Scan(&project, &version); err != nil {
			return nil, err
		}
		restrictions = append(restrictions, coherent.Project(project, version))
	}
	return restrictions, rows.Err()
}
