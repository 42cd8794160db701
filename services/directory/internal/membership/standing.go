package membership

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
)

const (
	projectColumns = `p.project_id, p.name, p.version, p.create_time`
	byName         = `w.name, m.workspace_id, p.name, p.project_id`
)

// Standing returns the memberships of a subject in the workspaces, those in
// the workspaces of the projects, and of the projects those in a workspace
// where the subject is a member.
func (s *Store) Standing(ctx context.Context, sub string, workspaces, projects []uuid.UUID) (Standing, error) {
	return s.standing(ctx, `
		SELECT `+columns+`, `+projectColumns+`
		  FROM `+tables+`
		  LEFT JOIN directory.project AS p ON p.workspace_id = m.workspace_id AND p.project_id = ANY ($3::text[]::uuid[])
		 WHERE m.sub = $1 AND m.role > 0
		   AND (m.workspace_id = ANY ($2::text[]::uuid[]) OR p.project_id IS NOT NULL)
		 ORDER BY `+byName, sub, texts(workspaces), texts(projects))
}

// Resources returns every membership of a subject, and every project of their
// workspaces.
func (s *Store) Resources(ctx context.Context, sub string) (Standing, error) {
	return s.standing(ctx, `
		SELECT `+columns+`, `+projectColumns+`
		  FROM `+tables+`
		  LEFT JOIN directory.project AS p ON p.workspace_id = m.workspace_id
		 WHERE m.sub = $1 AND m.role > 0
		 ORDER BY `+byName, sub)
}

func (s *Store) standing(ctx context.Context, text string, args ...any) (standing Standing, err error) {
	err = s.db.Each(ctx, func(row database.Row) error {
		var m Membership
		var p project.Project // zero where there is none
		err := row.Scan(append(fields(&m), database.Null(&p.ID), database.Null(&p.Name), database.Null(&p.Version), database.Null(&p.CreateTime))...)
		p.WorkspaceID = m.WorkspaceID
		standing.collect(m, p)
		return err
	}, text, args...)
	if err != nil {
		return Standing{}, fmt.Errorf("select standing: %w", err)
	}
	return standing, nil
}

func texts(ids []uuid.UUID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return list
}

// collect adds a row of a join of memberships and projects to a standing. Rows
// of one membership follow each other; p is zero in one without a project.
func (s *Standing) collect(m Membership, p project.Project) {
	if last := len(s.Memberships) - 1; last < 0 || s.Memberships[last].ID != m.ID {
		s.Memberships = append(s.Memberships, m)
	}
	if p.ID != uuid.Nil {
		s.Projects = append(s.Projects, p)
	}
}
