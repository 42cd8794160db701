package grantsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/grantrow"
)

// columns are those of a live grant with all that was allowed, one row each; live
// goes behind them.
const columns = `
	SELECT g.id, g.client_id, g.sub, g.scope, g.allowed_scope, g.former_identity, g.version, g.create_time, g.update_time, g.last_use_time,
	       (SELECT json_group_array(json_object(
	                   'identity', hex(identity), 'audience', audience, 'kind', kind, 'resource_id', hex(resource_id),
	                   'workspace_id', hex(workspace_id), 'membership_id', hex(membership_id), 'version', version,
	                   'by_policy', json(iif(by_policy, 'true', 'false')), 'scope', scope)
	                   ORDER BY identity, audience, kind, resource_id, membership_id, version, by_policy)
	          FROM consent_approval
	         WHERE grant_id = g.id),
	       (SELECT json_group_array(hex(digest) ORDER BY digest)
	          FROM consent_grant_identity
	         WHERE grant_id = g.id),
	       CASE WHEN g.approve_time IS NOT g.update_time THEN json_object(
	           'workspaces', (SELECT json_group_array(json_array(hex(workspace_id), hex(membership_id)) ORDER BY workspace_id)
	                            FROM consent_grant_workspace WHERE grant_id = g.id),
	           'projects', (SELECT json_group_array(json_array(hex(project_id), hex(workspace_id), hex(membership_id)) ORDER BY project_id)
	                          FROM consent_grant_project WHERE grant_id = g.id)) END`

const live = `
	  FROM consent_grant AS g
	 WHERE g.revoke_time IS NULL`

// Find implements grant.Store.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (grant.Stored, error) {
	return find(ctx, s.db.Read(), id)
}

// FindPair implements grant.Store.
func (s *Store) FindPair(ctx context.Context, sub, clientID string) (grant.Stored, error) {
	return found(scan(s.db.Read().QueryRowContext(ctx, columns+live+`
	   AND g.sub = ?1 AND g.client_id = ?2`, sub, clientID)))
}

// Use implements grant.Store. Of several at once, one notes the time: the others
// find it noted.
func (s *Store) Use(ctx context.Context, id uuid.UUID, accuracy time.Duration) (grant.Stored, error) {
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
		return grant.Stored{}, fmt.Errorf("note use of grant: %w", err)
	}
	g.LastUseTime = sqlite.FromTime(lastUse)
	return g, nil
}

// List implements grant.Store.
func (s *Store) List(ctx context.Context, of grant.Filter, after grant.Cursor, limit int) ([]grant.Stored, error) {
	return s.list(ctx, columns+live+`
		   AND (?1 = '' OR g.sub = ?1)
		   AND (?2 = '' OR g.client_id = ?2)
		   AND (g.create_time, g.id) > (?3, ?4)
		 ORDER BY g.create_time, g.id
		 LIMIT ?5`, of.Sub, of.ClientID, sqlite.Time(after.CreateTime), after.ID[:], limit)
}

// Newest implements grant.Store.
func (s *Store) Newest(ctx context.Context, sub string, before grant.Cursor, limit int) ([]grant.Stored, error) {
	return s.list(ctx, columns+live+`
		   AND g.sub = ?1
		   AND (?2 OR (g.create_time, g.id) < (?3, ?4))
		 ORDER BY g.create_time DESC, g.id DESC
		 LIMIT ?5`, sub, before == grant.Cursor{}, sqlite.Time(before.CreateTime), before.ID[:], limit)
}

func (s *Store) list(ctx context.Context, query string, args ...any) (grants []grant.Stored, err error) {
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

func find(ctx context.Context, q querier, id uuid.UUID) (grant.Stored, error) {
	return found(scan(q.QueryRowContext(ctx, columns+live+` AND g.id = ?`, id[:])))
}

// found names the error of a query for one grant.
func found(g grant.Stored, err error) (grant.Stored, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return grant.Stored{}, grant.ErrNotFound
	}
	if err != nil {
		return grant.Stored{}, fmt.Errorf("select grant: %w", err)
	}
	return g, nil
}

// row is one row, alone or of several.
type row interface {
	Scan(dest ...any) error
}

// scan reads the columns of a grant, and more behind them.
func scan(r row, more ...any) (grant.Stored, error) {
	var (
		g                                             grant.Stored
		scope                                         string
		allowed                                       *string
		formerIdentity, approvals, identities, former []byte
		createTime, updateTime                        int64
		lastUse                                       *int64
	)
	fields := []any{
		&g.ID, &g.ClientID, &g.Sub, &scope, &allowed, &formerIdentity, &g.Version, &createTime, &updateTime, &lastUse, &approvals, &identities, &former,
	}
	err := r.Scan(append(fields, more...)...)
	if err != nil {
		return grant.Stored{}, err
	}
	if allowed != nil {
		g.Scope = strings.Fields(*allowed)
	}
	copy(g.FormerIdentity[:], formerIdentity)
	g.CreateTime, g.UpdateTime = sqlite.FromTime(createTime), sqlite.FromTime(updateTime)
	if lastUse != nil {
		g.LastUseTime = sqlite.FromTime(*lastUse)
	}
	if g.Approvals, err = grantrow.Approvals(approvals); err != nil {
		return grant.Stored{}, err
	}
	if g.Identities, err = grantrow.Identities(identities); err != nil {
		return grant.Stored{}, err
	}
	if g.Former, err = grantrow.Former(scope, former); err != nil {
		return grant.Stored{}, err
	}
	g.Diverse = g.Former == nil && scope == grant.NoFormerScope
	return g, nil
}
