// Package projectsqlite keeps projects in SQLite.
package projectsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

var _ project.Store = (*Store)(nil)

// Store implements project.Store.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

const columns = `project_id, workspace_id, name, version, create_time`

func scan(row interface{ Scan(into ...any) error }) (project.Project, error) {
	var (
		p      project.Project
		micros int64
	)
	if err := row.Scan(&p.ID, &p.WorkspaceID, &p.Name, &p.Version, &micros); err != nil {
		return project.Project{}, err
	}
	p.CreateTime = sqlite.FromTime(micros)
	return p, nil
}

// Create implements project.Store.
func (s *Store) Create(ctx context.Context, p project.Project) (created project.Project, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		created, err = scan(tx.QueryRowContext(ctx, `
			INSERT INTO directory_project (project_id, workspace_id, name)
			SELECT ?1, workspace_id, ?3 FROM directory_workspace WHERE workspace_id = ?2
			RETURNING `+columns, p.ID, p.WorkspaceID, p.Name))
		if err != nil {
			return err
		}
		return eventsqlite.Append(ctx, tx, p.Happened(event.ProjectCreated))
	})
	if errors.Is(err, sql.ErrNoRows) {
		return project.Project{}, workspace.ErrNotFound
	}
	if err != nil {
		return project.Project{}, fmt.Errorf("insert project: %w", err)
	}
	return created, nil
}

// List implements project.Store.
func (s *Store) List(ctx context.Context, workspaceID uuid.UUID) ([]project.Project, error) {
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT `+columns+`
		  FROM directory_project
		 WHERE workspace_id = ?
		 ORDER BY create_time, project_id`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("select projects: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var projects []project.Project
	for rows.Next() {
		p, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("select projects: %w", err)
		}
		projects = append(projects, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select projects: %w", err)
	}
	return projects, nil
}

// Delete implements project.Store.
func (s *Store) Delete(ctx context.Context, id uuid.UUID) ([]coherent.Restriction, error) {
	var restrictions []coherent.Restriction
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		var version int64
		gone := project.Project{ID: id}
		err := tx.QueryRowContext(ctx, `DELETE FROM directory_project WHERE project_id = ? RETURNING workspace_id, version + 1`, id).Scan(&gone.WorkspaceID, &version)
		if errors.Is(err, sql.ErrNoRows) {
			return project.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("delete project: %w", err)
		}
		restrictions = []coherent.Restriction{coherent.Project(id, version)}
		if err := eventsqlite.Append(ctx, tx, gone.Happened(event.ProjectDeleted)); err != nil {
			return err
		}
		return coherentsqlite.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}
