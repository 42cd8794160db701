package grantsqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

// columns are those of a live grant with what it shares, one row each; live goes
// behind them.
const columns = `
	SELECT g.id, g.client_id, g.sub, g.scope, g.version, g.create_time, g.update_time, g.last_use_time,
	       (SELECT json_group_array(json_array(hex(workspace_id), hex(membership_id)) ORDER BY workspace_id)
	          FROM consent_grant_workspace
	         WHERE grant_id = g.id),
	       (SELECT json_group_array(json_array(hex(project_id), hex(workspace_id), hex(membership_id)) ORDER BY project_id)
	          FROM consent_grant_project
	         WHERE grant_id = g.id)`

const live = `
	  FROM consent_grant AS g
	 WHERE g.revoke_time IS NULL`

// Find implements grant.Store.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (grant.Grant, error) {
	return find(ctx, s.db.Read(), id)
}

// FindPair implements grant.Store.
func (s *Store) FindPair(ctx context.Context, sub, clientID string, as grant.Identity) (g grant.Grant, known bool, err error) {
	g, err = found(scan(s.db.Read().QueryRowContext(ctx, columns+`,
	       EXISTS (SELECT 1 FROM consent_grant_identity WHERE grant_id = g.id AND digest = ?3)`+live+`
	   AND g.sub = ?1 AND g.client_id = ?2`, sub, clientID, as[:]), &known))
	return g, known, err
}

// Use implements grant.Store. Of several at once, one notes the time: the others
// find it noted.
func (s *Store) Use(ctx context.Context, id uuid.UUID, accuracy time.Duration) (grant.Grant, error) {
	const stale = `(last_use_time IS NULL OR last_use_time <= ` + sqlite.NowMicros + ` - ?2)`
	var due bool
	g, err := found(scan(s.db.Read().QueryRowContext(ctx, columns+`, `+stale+live+` AND g.id = ?1`, id[:], accuracy.Microseconds()), &due))
	if err != nil || !due {
		return g, err
	}
	var lastUse int64
	err = s.db.Write().QueryRowContext(ctx, `
		UPDATE consent_grant
		   SET last_use_time = `+sqlite.NowMicros+`
		 WHERE id = ?1 AND revoke_time IS NULL AND `+stale+`
		RETURNING last_use_time`, id[:], accuracy.Microseconds()).Scan(&lastUse)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return g, nil
	case err != nil:
		return grant.Grant{}, fmt.Errorf("note use of grant: %w", err)
	}
	g.LastUseTime = sqlite.FromTime(lastUse)
	return g, nil
}

// List implements grant.Store.
func (s *Store) List(ctx context.Context, of grant.Filter, after grant.Cursor, limit int) ([]grant.Grant, error) {
	return s.list(ctx, columns+live+`
		   AND (?1 = '' OR g.sub = ?1)
		   AND (?2 = '' OR g.client_id = ?2)
		   AND (g.create_time, g.id) > (?3, ?4)
		 ORDER BY g.create_time, g.id
		 LIMIT ?5`, of.Sub, of.ClientID, sqlite.Time(after.CreateTime), after.ID[:], limit)
}

// Newest implements grant.Store.
func (s *Store) Newest(ctx context.Context, sub string, before grant.Cursor, limit int) ([]grant.Grant, error) {
	return s.list(ctx, columns+live+`
		   AND g.sub = ?1
		   AND (?2 OR (g.create_time, g.id) < (?3, ?4))
		 ORDER BY g.create_time DESC, g.id DESC
		 LIMIT ?5`, sub, before == grant.Cursor{}, sqlite.Time(before.CreateTime), before.ID[:], limit)
}

func (s *Store) list(ctx context.Context, query string, args ...any) (grants []grant.Grant, err error) {
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
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
	return found(scan(q.QueryRowContext(ctx, columns+live+` AND g.id = ?`, id[:])))
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

// scan reads the columns of a grant, and more behind them.
func scan(r row, more ...any) (grant.Grant, error) {
	var (
		g                                 grant.Grant
		scope, workspaceJSON, projectJSON string
		createTime, updateTime            int64
		lastUse                           *int64
		workspaces                        [][2]uuid.UUID
		projects                          [][3]uuid.UUID
	)
	fields := []any{&g.ID, &g.ClientID, &g.Sub, &scope, &g.Version, &createTime, &updateTime, &lastUse, &workspaceJSON, &projectJSON}
	if err := r.Scan(append(fields, more...)...); err != nil {
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
	if lastUse != nil {
		g.LastUseTime = sqlite.FromTime(*lastUse)
	}
	for _, w := range workspaces {
		g.Workspaces = append(g.Workspaces, grant.SharedWorkspace{ID: w[0], MembershipID: w[1]})
	}
	for _, p := range projects {
		g.Projects = append(g.Projects, grant.SharedProject{ID: p[0], WorkspaceID: p[1], MembershipID: p[2]})
	}
	return g, nil
}
