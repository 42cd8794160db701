package project

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// Store keeps projects. It is safe for concurrent use, across
// processes too.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

const columns = `project_id, workspace_id, name, version, create_time`

func scan(row database.Row) (Project, error) {
	var p Project
	if err := row.Scan(&p.ID, &p.WorkspaceID, &p.Name, &p.Version, &p.CreateTime); err != nil {
		return Project{}, err
	}
	return p, nil
}

// Create adds a project, and returns it as stored. Version and CreateTime are the
// store's. Fails with workspace.ErrNotFound. The lock keeps the workspace from
// being deleted until the project can be deleted with it.
func (s *Store) Create(ctx context.Context, p Project) (created Project, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		created, err = scan(tx.QueryRow(ctx, `
			WITH held AS (
				SELECT workspace_id FROM directory.workspace WHERE workspace_id = $2 FOR KEY SHARE
			)
			INSERT INTO directory.project (project_id, workspace_id, name)
			SELECT $1, workspace_id, $3 FROM held
			RETURNING `+columns, p.ID.String(), p.WorkspaceID.String(), p.Name))
		if err != nil {
			return err
		}
		return eventdb.Append(ctx, tx, p.Happened(event.ProjectCreated))
	})
	if errors.Is(err, database.ErrNoRows) {
		return Project{}, workspace.ErrNotFound
	}
	if err != nil {
		return Project{}, fmt.Errorf("insert project: %w", err)
	}
	return created, nil
}

// List returns the projects of a workspace by creation; none for a workspace that
// is not there.
func (s *Store) List(ctx context.Context, workspaceID uuid.UUID) ([]Project, error) {
	projects, err := database.Collect(ctx, s.db, scan, `
		SELECT `+columns+`
		  FROM directory.project
		 WHERE workspace_id = $1
		 ORDER BY create_time, project_id`, workspaceID.String())
	if err != nil {
		return nil, fmt.Errorf("select projects: %w", err)
	}
	return projects, nil
}

// Delete deletes a project, and returns what it logged. Fails with ErrNotFound.
func (s *Store) Delete(ctx context.Context, id uuid.UUID) ([]coherent.Restriction, error) {
	var restrictions []coherent.Restriction
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
		var version int64
		gone := Project{ID: id}
		err := tx.QueryRow(ctx, `DELETE FROM directory.project WHERE project_id = $1 RETURNING workspace_id, version + 1`, id.String()).Scan(&gone.WorkspaceID, &version)
		if errors.Is(err, database.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("delete project: %w", err)
		}
		restrictions = []coherent.Restriction{coherent.Project(id, version)}
		if err := eventdb.Append(ctx, tx, gone.Happened(event.ProjectDeleted)); err != nil {
			return err
		}
		return coherentdb.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}
