// Package projectpg keeps projects in PostgreSQL.
package projectpg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

var _ project.Store = (*Store)(nil)

// Store implements project.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

const columns = `project_id, workspace_id, name, version, create_time`

func scan(row pgx.Row) (project.Project, error) {
	var p project.Project
	if err := row.Scan(&p.ID, &p.WorkspaceID, &p.Name, &p.Version, &p.CreateTime); err != nil {
		return project.Project{}, err
	}
	p.CreateTime = p.CreateTime.UTC()
	return p, nil
}

// Create implements project.Store. The lock keeps the workspace from being
// deleted until the project can be deleted with it.
func (s *Store) Create(ctx context.Context, p project.Project) (created project.Project, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		created, err = scan(tx.QueryRow(ctx, `
			WITH held AS (
				SELECT workspace_id FROM directory.workspace WHERE workspace_id = $2 FOR KEY SHARE
			)
			INSERT INTO directory.project (project_id, workspace_id, name)
			SELECT $1, workspace_id, $3 FROM held
			RETURNING `+columns, p.ID, p.WorkspaceID, p.Name))
		if err != nil {
			return err
		}
		return eventpg.Append(ctx, tx, p.Happened(event.ProjectCreated))
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return project.Project{}, workspace.ErrNotFound
	}
	if err != nil {
		return project.Project{}, fmt.Errorf("insert project: %w", err)
	}
	return created, nil
}

// List implements project.Store.
func (s *Store) List(ctx context.Context, workspaceID uuid.UUID) ([]project.Project, error) {
	rows, err := s.db.Query(ctx, `
		SELECT `+columns+`
		  FROM directory.project
		 WHERE workspace_id = $1
		 ORDER BY create_time, project_id`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("select projects: %w", err)
	}
	projects, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (project.Project, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("select projects: %w", err)
	}
	return projects, nil
}

// Delete implements project.Store.
func (s *Store) Delete(ctx context.Context, id uuid.UUID) ([]coherent.Restriction, error) {
	var restrictions []coherent.Restriction
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var version int64
		gone := project.Project{ID: id}
		err := tx.QueryRow(ctx, `DELETE FROM directory.project WHERE project_id = $1 RETURNING workspace_id, version + 1`, id).Scan(&gone.WorkspaceID, &version)
		if errors.Is(err, pgx.ErrNoRows) {
			return project.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("delete project: %w", err)
		}
		restrictions = []coherent.Restriction{coherent.Project(id, version)}
		if err := eventpg.Append(ctx, tx, gone.Happened(event.ProjectDeleted)); err != nil {
			return err
		}
		return coherentpg.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}
