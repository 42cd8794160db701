package membershipsqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
)

const (
	projectColumns = `p.project_id, p.name, p.version, p.create_time`
	byName         = `w.name, m.workspace_id, p.name, p.project_id`
)

// Standing implements membership.Standings.
func (s *Store) Standing(ctx context.Context, sub string, workspaces, projects []uuid.UUID) (membership.Standing, error) {
	workspaceList, err := list(workspaces)
	if err != nil {
		return membership.Standing{}, err
	}
	projectList, err := list(projects)
	if err != nil {
		return membership.Standing{}, err
	}
	return s.standing(ctx, `
		SELECT `+columns+`, `+projectColumns+`
		  FROM `+tables+`
		  LEFT JOIN directory_project AS p ON p.workspace_id = m.workspace_id AND p.project_id IN (SELECT value FROM json_each(?3))
		 WHERE m.sub = ?1 AND m.role > 0
		   AND (m.workspace_id IN (SELECT value FROM json_each(?2)) OR p.project_id IS NOT NULL)
		 ORDER BY `+byName, sub, workspaceList, projectList)
}

// Resources implements membership.Standings.
func (s *Store) Resources(ctx context.Context, sub string) (membership.Standing, error) {
	return s.standing(ctx, `
		SELECT `+columns+`, `+projectColumns+`
		  FROM `+tables+`
		  LEFT JOIN directory_project AS p ON p.workspace_id = m.workspace_id
		 WHERE m.sub = ? AND m.role > 0
		 ORDER BY `+byName, sub)
}

// list is a parameter for json_each.
func list(ids []uuid.UUID) (string, error) {
	encoded, err := json.Marshal(append([]uuid.UUID{}, ids...))
	if err != nil {
		return "", fmt.Errorf("marshal ids: %w", err)
	}
	return string(encoded), nil
}

func (s *Store) standing(ctx context.Context, query string, args ...any) (membership.Standing, error) {
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	if err != nil {
		return membership.Standing{}, fmt.Errorf("select standing: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
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
func collect(rows *sql.Rows, into *membership.Standing) error {
	var (
		m          membership.Membership
		id         uuid.NullUUID
		name       sql.NullString
		version    sql.NullInt64
		createTime sql.NullInt64
	)
	if err := rows.Scan(append(fields(&m), &id, &name, &version, &createTime)...); err != nil {
		return err
	}
	if !id.Valid {
		into.Collect(m, nil)
		return nil
	}
	into.Collect(m, &project.Project{
		ID: id.UUID, WorkspaceID: m.WorkspaceID, Name: name.String,
		Version: version.Int64, CreateTime: sqlite.FromTime(createTime.Int64),
	})
	return nil
}
