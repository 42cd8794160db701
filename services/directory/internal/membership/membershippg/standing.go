package membershippg

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
)

const (
	projectColumns = `p.project_id, p.name, p.version, p.create_time`
	byName         = `w.name, m.workspace_id, p.name, p.project_id`
)

// Standing implements membership.Standings.
func (s *Store) Standing(ctx context.Context, sub string, workspaces, projects []uuid.UUID) (membership.Standing, error) {
	return s.standing(ctx, `
		SELECT `+columns+`, `+projectColumns+`
		  FROM `+tables+`
		  LEFT JOIN directory.project AS p ON p.workspace_id = m.workspace_id AND p.project_id = ANY ($3::uuid[])
		 WHERE m.sub = $1 AND m.role > 0
		   AND (m.workspace_id = ANY ($2::uuid[]) OR p.project_id IS NOT NULL)
		 ORDER BY `+byName, sub, workspaces, projects)
}

// Resources implements membership.Standings.
func (s *Store) Resources(ctx context.Context, sub string) (membership.Standing, error) {
	return s.standing(ctx, `
		SELECT `+columns+`, `+projectColumns+`
		  FROM `+tables+`
		  LEFT JOIN directory.project AS p ON p.workspace_id = m.workspace_id
		 WHERE m.sub = $1 AND m.role > 0
		 ORDER BY `+byName, sub)
}

func (s *Store) standing(ctx context.Context, query string, args ...any) (membership.Standing, error) {
	rows, err := s.db.Query(ctx, query, args...)
	if err != nil {
		return membership.Standing{}, fmt.Errorf("select standing: %w", err)
	}
	defer rows.Close()
	var standing membership.Standing
	for rows.Next() {
		if err := collect(rows, &standing); err != nil {
			return membership.Standing{}, fmt.Errorf("select standing: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return membership.Standing{}, fmt.Errorf("select standing: %w", err)
	}
	return standing, nil
}

// collect adds one row, in which the project may be missing.
func collect(row pgx.Row, into *membership.Standing) error {
	var (
		m          membership.Membership
		id         *uuid.UUID
		name       *string
		version    *int64
		createTime *time.Time
	)
	if err := row.Scan(append(fields(&m), &id, &name, &version, &createTime)...); err != nil {
		return err
	}
	if id == nil {
		into.Collect(m, nil)
		return nil
	}
	into.Collect(m, &project.Project{
		ID: *id, WorkspaceID: m.WorkspaceID, Name: *name, Version: *version, CreateTime: createTime.UTC(),
	})
	return nil
}
