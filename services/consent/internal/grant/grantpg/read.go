package grantpg

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/services/consent/internal/grant"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/grantrow"
)

// columns are those of a live grant with all that was allowed, one row each; live
// goes behind them.
const columns = `
	SELECT g.id, g.client_id, g.sub, g.scope, g.allowed_scope, g.former_identity, g.version, g.create_time, g.update_time, g.last_use_time,
	       (SELECT coalesce(json_agg(json_build_object(
	                   'identity', encode(identity, 'hex'), 'audience', audience, 'kind', kind, 'resource_id', resource_id,
	                   'workspace_id', workspace_id, 'membership_id', membership_id, 'version', version, 'by_policy', by_policy, 'scope', scope)
	                   ORDER BY identity, audience, kind, resource_id, membership_id, version, by_policy), '[]')
	          FROM consent.approval
	         WHERE grant_id = g.id),
	       (SELECT coalesce(json_agg(encode(digest, 'hex') ORDER BY digest), '[]')
	          FROM consent.grant_identity
	         WHERE grant_id = g.id),
	       CASE WHEN g.approve_time IS DISTINCT FROM g.update_time THEN json_build_object(
	           'workspaces', (SELECT json_agg(json_build_array(workspace_id, membership_id) ORDER BY workspace_id)
	                            FROM consent.grant_workspace WHERE grant_id = g.id),
	           'projects', (SELECT json_agg(json_build_array(project_id, workspace_id, membership_id) ORDER BY project_id)
	                          FROM consent.grant_project WHERE grant_id = g.id)) END`

const live = `
	  FROM consent.grant AS g
	 WHERE g.revoke_time IS NULL`

// Find implements grant.Store.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (grant.Stored, error) {
	return find(ctx, s.db, id)
}

// FindPair implements grant.Store.
func (s *Store) FindPair(ctx context.Context, sub, clientID string) (grant.Stored, error) {
	return found(scan(s.db.QueryRow(ctx, columns+live+`
	   AND g.sub = $1 AND g.client_id = $2`, key(sub), key(clientID))))
}

// Use implements grant.Store. Of several at once, one notes the time: the others
// find it noted.
func (s *Store) Use(ctx context.Context, id uuid.UUID, accuracy time.Duration) (grant.Stored, error) {
	var stale bool
	g, err := found(scan(s.db.QueryRow(ctx, columns+`,
	       g.last_use_time IS NULL OR g.last_use_time <= statement_timestamp() - $2::interval`+live+`
	   AND g.id = $1`, id, accuracy), &stale))
	if err != nil || !stale {
		return g, err
	}
	err = s.db.QueryRow(ctx, `
		UPDATE consent.grant
		   SET last_use_time = statement_timestamp()
		 WHERE id = $1 AND revoke_time IS NULL
		   AND (last_use_time IS NULL OR last_use_time <= statement_timestamp() - $2::interval)
		RETURNING last_use_time`, id, accuracy).Scan(&g.LastUseTime)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return grant.Stored{}, fmt.Errorf("note use of grant: %w", err)
	}
	g.LastUseTime = g.LastUseTime.UTC()
	return g, nil
}

// List implements grant.Store.
func (s *Store) List(ctx context.Context, of grant.Filter, after grant.Cursor, limit int) ([]grant.Stored, error) {
	if key(of.Sub) != of.Sub || key(of.ClientID) != of.ClientID {
		return nil, nil
	}
	return s.list(ctx, columns+live+`
		   AND ($1 = '' OR g.sub = $1)
		   AND ($2 = '' OR g.client_id = $2)
		   AND (g.create_time, g.id) > ($3, $4)
		 ORDER BY g.create_time, g.id
		 LIMIT $5`, of.Sub, of.ClientID, after.CreateTime, after.ID, limit)
}

// Newest implements grant.Store.
func (s *Store) Newest(ctx context.Context, sub string, before grant.Cursor, limit int) ([]grant.Stored, error) {
	return s.list(ctx, columns+live+`
		   AND g.sub = $1
		   AND ($2 OR (g.create_time, g.id) < ($3, $4))
		 ORDER BY g.create_time DESC, g.id DESC
		 LIMIT $5`, key(sub), before == grant.Cursor{}, before.CreateTime, before.ID, limit)
}

func (s *Store) list(ctx context.Context, query string, args ...any) ([]grant.Stored, error) {
	rows, err := s.db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("select grants: %w", err)
	}
	grants, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (grant.Stored, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("select grants: %w", err)
	}
	return grants, nil
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func find(ctx context.Context, q querier, id uuid.UUID) (grant.Stored, error) {
	return found(scan(q.QueryRow(ctx, columns+live+` AND g.id = $1`, id)))
}

// found names the error of a query for one grant.
func found(g grant.Stored, err error) (grant.Stored, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return grant.Stored{}, grant.ErrNotFound
	}
	if err != nil {
		return grant.Stored{}, fmt.Errorf("select grant: %w", err)
	}
	return g, nil
}

// scan reads the columns of a grant, and more behind them.
func scan(row pgx.Row, more ...any) (grant.Stored, error) {
	var (
		g                                             grant.Stored
		scope                                         string
		allowed                                       *string
		formerIdentity, approvals, identities, former []byte
		lastUse                                       *time.Time
	)
	fields := []any{
		&g.ID, &g.ClientID, &g.Sub, &scope, &allowed, &formerIdentity, &g.Version, &g.CreateTime, &g.UpdateTime, &lastUse, &approvals, &identities, &former,
	}
	err := row.Scan(append(fields, more...)...)
	if err != nil {
		return grant.Stored{}, err
	}
	if lastUse != nil {
		g.LastUseTime = lastUse.UTC()
	}
	if allowed != nil {
		g.Scope = strings.Fields(*allowed)
	}
	copy(g.FormerIdentity[:], formerIdentity)
	g.CreateTime, g.UpdateTime = g.CreateTime.UTC(), g.UpdateTime.UTC()
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

// key returns s as a key to look up. No row has the empty key, and PostgreSQL
// would refuse NUL as an error.
func key(s string) string {
	if strings.ContainsRune(s, 0) {
		return ""
	}
	return s
}
