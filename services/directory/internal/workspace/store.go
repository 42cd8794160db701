package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/role"
)

// Store keeps workspaces. It is safe for concurrent use, across
// processes too.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// columns are those that scan reads.
const columns = `workspace_id, name, coalesce(slug, workspace_id::text), create_time`

func scan(row database.Row) (Workspace, error) {
	var w Workspace
	if err := row.Scan(&w.ID, &w.Name, &w.Slug, &w.CreateTime); err != nil {
		return Workspace{}, err
	}
	return w, nil
}

// Create adds a workspace, and returns it as stored. CreateTime is the store's.
// Fails with ErrSlugTaken.
func (s *Store) Create(ctx context.Context, w Workspace) (created Workspace, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		created, err = scan(tx.QueryRow(ctx, `
			INSERT INTO directory.workspace (workspace_id, name, slug)
			VALUES ($1, $2, $3)
			RETURNING `+columns, w.ID.String(), w.Name, w.Slug))
		if database.Unique(err, "workspace_slug", "index 'directory_workspace_slug'") {
			return ErrSlugTaken
		}
		if err != nil {
			return err
		}
		return eventdb.Append(ctx, tx, Created(w.ID))
	})
	if err != nil {
		return Workspace{}, fmt.Errorf("insert workspace: %w", err)
	}
	return created, nil
}

// Find returns a workspace. One from before there were slugs has the text of its id
// for one. Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (Workspace, error) {
	w, err := scan(s.db.QueryRow(ctx, `SELECT `+columns+` FROM directory.workspace WHERE workspace_id = $1`, id.String()))
	if errors.Is(err, database.ErrNoRows) {
		return Workspace{}, ErrNotFound
	}
	if err != nil {
		return Workspace{}, fmt.Errorf("select workspace: %w", err)
	}
	return w, nil
}

// Select returns those of ids that there are, in no particular order.
func (s *Store) Select(ctx context.Context, ids []uuid.UUID) ([]Workspace, error) {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return s.collect(ctx, `SELECT `+columns+` FROM directory.workspace WHERE workspace_id = ANY ($1::text[]::uuid[])`, texts)
}

func (s *Store) collect(ctx context.Context, text string, args ...any) ([]Workspace, error) {
	workspaces, err := database.Collect(ctx, s.db, scan, text, args...)
	if err != nil {
		return nil, fmt.Errorf("select workspaces: %w", err)
	}
	return workspaces, nil
}

// List returns at most limit workspaces behind after, by creation.
func (s *Store) List(ctx context.Context, after page.Cursor, limit int) ([]Workspace, error) {
	return s.collect(ctx, `
		SELECT `+columns+`
		  FROM directory.workspace
		 WHERE (create_time, workspace_id) > ($1, $2)
		 ORDER BY create_time, workspace_id
		 LIMIT $3`, after.CreateTime, cmp.Or(after.ID, uuid.Nil.String()), limit)
}

// Delete deletes a workspace with its projects and memberships, also those that are
// being added at the time, and returns what it logged: a restriction for each.
// Fails with ErrNotFound. The lock on the workspace makes an addition to it either
// commit first, and be deleted as well, or find no workspace.
func (s *Store) Delete(ctx context.Context, id uuid.UUID) ([]coherent.Restriction, error) {
	var restrictions []coherent.Restriction
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
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
		if _, err := tx.Exec(ctx, `DELETE FROM directory.workspace WHERE workspace_id = $1`, id.String()); err != nil {
			return fmt.Errorf("delete workspace: %w", err)
		}
		restrictions = slices.Concat(members, projects)
		if err := eventdb.Append(ctx, tx, Deleted(id)); err != nil {
			return err
		}
		return coherentdb.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

func lock(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	_, err := database.Scan[int](tx.QueryRow(ctx, `SELECT 1 FROM directory.workspace WHERE workspace_id = $1 FOR UPDATE`, id.String()))
	if errors.Is(err, database.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("lock workspace: %w", err)
	}
	return nil
}

// deleteMembers restricts former members too: what their removal said is said
// once more, with a later version.
func deleteMembers(ctx context.Context, tx *database.Tx, id uuid.UUID) ([]coherent.Restriction, error) {
	return database.Collect(ctx, tx, func(row database.Row) (coherent.Restriction, error) {
		var (
			sub     string
			version int64
		)
		err := row.Scan(&sub, &version)
		return coherent.Membership(sub, id, version, role.None), err
	}, `DELETE FROM directory.membership WHERE workspace_id = $1 RETURNING sub, version + 1`, id.String())
}

func deleteProjects(ctx context.Context, tx *database.Tx, id uuid.UUID) ([]coherent.Restriction, error) {
	return database.Collect(ctx, tx, func(row database.Row) (coherent.Restriction, error) {
		var (
			project uuid.UUID
			version int64
		)
		err := row.Scan(&project, &version)
		return coherent.Project(project, version), err
	}, `DELETE FROM directory.project WHERE workspace_id = $1 RETURNING project_id, version + 1`, id.String())
}
