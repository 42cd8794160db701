package grant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/database"
)

// The columns of a live grant with all that was allowed, one row each; live goes
// behind them.
const (
	columnsPostgres = `
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
	columnsSQLite = `
	SELECT g.id, g.client_id, g.sub, g.scope, g.allowed_scope, g.former_identity, g.version, g.create_time, g.update_time, g.last_use_time,
	       (SELECT json_group_array(json_object(
	                   'identity', hex(identity), 'audience', audience, 'kind', kind, 'resource_id', hex(resource_id),
	                   'workspace_id', hex(workspace_id), 'membership_id', hex(membership_id), 'version', version,
	                   'by_policy', json(iif(by_policy, 'true', 'false')), 'scope', scope)
	                   ORDER BY identity, audience, kind, resource_id, membership_id, version, by_policy)
	          FROM consent.approval
	         WHERE grant_id = g.id),
	       (SELECT json_group_array(hex(digest) ORDER BY digest)
	          FROM consent.grant_identity
	         WHERE grant_id = g.id),
	       CASE WHEN g.approve_time IS NOT g.update_time THEN json_object(
	           'workspaces', (SELECT json_group_array(json_array(hex(workspace_id), hex(membership_id)) ORDER BY workspace_id)
	                            FROM consent.grant_workspace WHERE grant_id = g.id),
	           'projects', (SELECT json_group_array(json_array(hex(project_id), hex(workspace_id), hex(membership_id)) ORDER BY project_id)
	                          FROM consent.grant_project WHERE grant_id = g.id)) END`

	live = `
	  FROM consent.grant AS g
	 WHERE g.revoke_time IS NULL`
)

// Find returns a live grant. Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (Stored, error) {
	return find(ctx, s.db, id)
}

// FindPair returns the live grant of a subject and a client. Fails with ErrNotFound.
func (s *Store) FindPair(ctx context.Context, sub, clientID string) (Stored, error) {
	return found(scan(s.db.QueryRow(ctx, s.db.Either(columnsPostgres, columnsSQLite)+live+`
	   AND g.sub = $1 AND g.client_id = $2`, database.Key(sub), database.Key(clientID))))
}

// Use returns a live grant as [Store.Find] does, and notes the time. It writes only
// where that was not noted for accuracy, and restricts nothing. Of several at once, one
// notes the time: the others find it noted.
func (s *Store) Use(ctx context.Context, id uuid.UUID, accuracy time.Duration) (Stored, error) {
	var stale bool
	g, err := found(scan(s.db.QueryRow(ctx, s.db.Either(columnsPostgres, columnsSQLite)+`,
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
	if err != nil && !errors.Is(err, database.ErrNoRows) {
		return Stored{}, fmt.Errorf("note use of grant: %w", err)
	}
	return g, nil
}

// List returns at most limit live grants behind after, by time of creation and id.
func (s *Store) List(ctx context.Context, of Filter, after Cursor, limit int) ([]Stored, error) {
	if database.Key(of.Sub) != of.Sub || database.Key(of.ClientID) != of.ClientID {
		return nil, nil
	}
	return s.list(ctx, s.db.Either(columnsPostgres, columnsSQLite)+live+`
		   AND ($1 = '' OR g.sub = $1)
		   AND ($2 = '' OR g.client_id = $2)
		   AND (g.create_time, g.id) > ($3, $4)
		 ORDER BY g.create_time, g.id
		 LIMIT $5`, of.Sub, of.ClientID, after.CreateTime, after.ID, limit)
}

// Newest returns at most limit live grants of a subject that come before the place,
// the newest first. The zero place is behind them all.
func (s *Store) Newest(ctx context.Context, sub string, before Cursor, limit int) ([]Stored, error) {
	return s.list(ctx, s.db.Either(columnsPostgres, columnsSQLite)+live+`
		   AND g.sub = $1
		   AND ($2 OR (g.create_time, g.id) < ($3, $4))
		 ORDER BY g.create_time DESC, g.id DESC
		 LIMIT $5`, database.Key(sub), before == Cursor{}, before.CreateTime, before.ID, limit)
}

func (s *Store) list(ctx context.Context, text string, args ...any) ([]Stored, error) {
	grants, err := database.Collect(ctx, s.db, func(row database.Row) (Stored, error) { return scan(row) }, text, args...)
	if err != nil {
		return nil, fmt.Errorf("select grants: %w", err)
	}
	return grants, nil
}

func find(ctx context.Context, c database.Conn, id uuid.UUID) (Stored, error) {
	return found(scan(c.QueryRow(ctx, c.Either(columnsPostgres, columnsSQLite)+live+` AND g.id = $1`, id)))
}

// found names the error of a query for one grant.
func found(g Stored, err error) (Stored, error) {
	if errors.Is(err, database.ErrNoRows) {
		return Stored{}, ErrNotFound
	}
	if err != nil {
		return Stored{}, fmt.Errorf("select grant: %w", err)
	}
	return g, nil
}

// scan reads the columns of a grant, and more behind them.
func scan(row database.Row, more ...any) (Stored, error) {
	var (
		g                                             Stored
		scope, allowed                                string
		formerIdentity, approvals, identities, former []byte
	)
	fields := []any{
		&g.ID, &g.ClientID, &g.Sub, &scope, database.Null(&allowed), &formerIdentity, &g.Version,
		&g.CreateTime, &g.UpdateTime, database.Null(&g.LastUseTime), &approvals, &identities, &former,
	}
	err := row.Scan(append(fields, more...)...)
	if err != nil {
		return Stored{}, err
	}
	if allowed != "" {
		g.Scope = strings.Fields(allowed)
	}
	copy(g.FormerIdentity[:], formerIdentity)
	if g.Approvals, err = approvalsOf(approvals); err != nil {
		return Stored{}, err
	}
	if g.Identities, err = identitiesOf(identities); err != nil {
		return Stored{}, err
	}
	if g.Former, err = formerOf(scope, former); err != nil {
		return Stored{}, err
	}
	g.Diverse = g.Former == nil && scope == NoFormerScope
	return g, nil
}
