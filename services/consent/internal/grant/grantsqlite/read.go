package grantsqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

// selectLive reads live grants with what they share, one row each.
const selectLive = `
	SELECT g.id, g.client_id, g.sub, g.scope, g.version, g.create_time, g.update_time,
	       (SELECT json_group_array(json_array(hex(workspace_id), hex(membership_id)) ORDER BY workspace_id)
	          FROM consent_grant_workspace
	         WHERE grant_id = g.id),
	       (SELECT json_group_array(json_array(hex(project_id), hex(workspace_id), hex(membership_id)) ORDER BY project_id)
	          FROM consent_grant_project
	         WHERE grant_id = g.id)
	  FROM consent_grant AS g
	 WHERE g.revoke_time IS NULL`

// Find implements grant.Store.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (grant.Grant, error) {
	return find(ctx, s.db.Read(), id)
}

// FindPair implements grant.Store.
func (s *Store) FindPair(ctx context.Context, sub, clientID string) (grant.Grant, error) {
	return found(scan(s.db.Read().QueryRowContext(ctx, selectLive+` AND g.sub = ? AND g.client_id = ?`, sub, clientID)))
}

// List implements grant.Store.
func (s *Store) List(ctx context.Context, of grant.Filter, after grant.Cursor, limit int) (grants []grant.Grant, err error) {
	rows, err := s.db.Read().QueryContext(ctx, selectLive+`
		   AND (?1 = '' OR g.sub = ?1)
		   AND (?2 = '' OR g.client_id = ?2)
		   AND (g.create_time, g.id) > (?3, ?4)
		 ORDER BY g.create_time, g.id
		 LIMIT ?5`, of.Sub, of.ClientID, sqlite.Time(after.CreateTime), after.ID[:], limit)
	if err != nil {
		return nil, fmt.Errorf("select grants: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		g, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("select grants: %w", err)
		}
		grants = append(grants, g)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select grants: %w", err)
	}
	return grants, nil
}

// querier is the read pool or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func find(ctx context.Context, q querier, id uuid.UUID) (grant.Grant, error) {
	return found(scan(q.QueryRowContext(ctx, selectLive+` AND g.id = ?`, id[:])))
}

// found names the error of a query for one grant.
func found(g grant.Grant, err error) (grant.Grant, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return grant.Grant{}, grant.ErrNotFound
	}
	if err != nil {
		return grant.Grant{}, fmt.Errorf("select grant: %w", err)
	}
	return g, nil
}

// row is one row, alone or of several.
type row interface {
	Scan(dest ...any) error
}

func scan(r row) (grant.Grant, error) {
	var (
		g                                 grant.Grant
		scope, workspaceJSON, projectJSON string
		createTime, updateTime            int64
		workspaces                        [][2]uuid.UUID
		projects                          [][3]uuid.UUID
	)
	err := r.Scan(&g.ID, &g.ClientID, &g.Sub, &scope, &g.Version, &createTime, &updateTime, &workspaceJSON, &projectJSON)
	if err != nil {
		return grant.Grant{}, err
	}
	if err := json.Unmarshal([]byte(workspaceJSON), &workspaces); err != nil {
		return grant.Grant{}, fmt.Errorf("unmarshal workspaces of grant: %w", err)
	}
	if err := json.Unmarshal([]byte(projectJSON), &projects); err != nil {
		return grant.Grant{}, fmt.Errorf("unmarshal projects of grant: %w", err)
	}
	g.Scope = strings.Fields(scope)
	g.CreateTime, g.UpdateTime = sqlite.FromTime(createTime), sqlite.FromTime(updateTime)
	for _, w := range workspaces {
		g.Workspaces = append(g.Workspaces, grant.SharedWorkspace{ID: w[0], MembershipID: w[1]})
	}
	for _, p := range projects {
		g.Projects = append(g.Projects, grant.SharedProject{ID: p[0], WorkspaceID: p[1], MembershipID: p[2]})
	}
	return g, nil
}
