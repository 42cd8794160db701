// Package membershippg keeps memberships in PostgreSQL.
package membershippg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

var _ membership.Store = (*Store)(nil)

// Store implements membership.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// columns are those that fields points at.
const columns = `m.membership_id, m.sub, s.username, m.workspace_id, w.name, m.role, m.version`

// tables name what columns are of.
const tables = `directory.membership AS m
		  JOIN directory.subject AS s USING (sub)
		  JOIN directory.workspace AS w USING (workspace_id)`

func fields(m *membership.Membership) []any {
	return []any{&m.ID, &m.Sub, &m.Username, &m.WorkspaceID, &m.WorkspaceName, &m.Role, &m.Version}
}

// Add implements membership.Store. The condition of the upsert is the gate: the
// second caller waits for the first, then finds a role.
func (s *Store) Add(ctx context.Context, m membership.Membership) (membership.Membership, error) {
	added := m
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		if err := names(ctx, tx, &added); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `
			INSERT INTO directory.membership AS m (sub, workspace_id, membership_id, role)
			VALUES ($1, $2, $3, $4)
			ON CONFLICT (sub, workspace_id) DO UPDATE
			   SET membership_id = excluded.membership_id, role = excluded.role, version = m.version + 1
			 WHERE m.role = 0
			RETURNING version`, m.Sub, m.WorkspaceID, m.ID, int16(m.Role)).Scan(&added.Version)
		if errors.Is(err, pgx.ErrNoRows) {
			return membership.ErrExists
		}
		if err != nil {
			return fmt.Errorf("upsert membership: %w", err)
		}
		return eventpg.Append(ctx, tx, added.Happened(event.MemberAdded))
	})
	if err != nil {
		return membership.Membership{}, err
	}
	return added, nil
}

// names fills in the names, and holds on to the workspace: the order of locks is
// that of its deletion.
func names(ctx context.Context, tx pgx.Tx, m *membership.Membership) error {
	err := tx.QueryRow(ctx, `SELECT name FROM directory.workspace WHERE workspace_id = $1 FOR KEY SHARE`, m.WorkspaceID).Scan(&m.WorkspaceName)
	if errors.Is(err, pgx.ErrNoRows) {
		return workspace.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("select workspace: %w", err)
	}
	err = tx.QueryRow(ctx, `SELECT username FROM directory.subject WHERE sub = $1`, m.Sub).Scan(&m.Username)
	if errors.Is(err, pgx.ErrNoRows) {
		return subject.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("select subject: %w", err)
	}
	return nil
}

// SetRole implements membership.Store. The row is locked before its role is
// read, so the role that is compared with is the one that is replaced.
func (s *Store) SetRole(ctx context.Context, sub string, workspaceID uuid.UUID, r role.Role) (membership.Membership, []coherent.Restriction, error) {
	var (
		m            membership.Membership
		restrictions []coherent.Restriction
	)
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		m, restrictions = membership.Membership{}, nil
		err := tx.QueryRow(ctx, `
			SELECT `+columns+`
			  FROM `+tables+`
			 WHERE m.sub = $1 AND m.workspace_id = $2 AND m.role > 0
			   FOR UPDATE OF m`, sub, workspaceID).Scan(fields(&m)...)
		if errors.Is(err, pgx.ErrNoRows) {
			return membership.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("lock membership: %w", err)
		}
		before := m.Role
		// The same role again writes too, and changes nothing: only the commit of a
		// write waits for a standby, and the first may have come to an unknown outcome.
		err = tx.QueryRow(ctx, `
			UPDATE directory.membership
			   SET role = $3, version = version + CASE WHEN role = $3 THEN 0 ELSE 1 END
			 WHERE sub = $1 AND workspace_id = $2
			RETURNING role, version`, sub, workspaceID, int16(r)).Scan(&m.Role, &m.Version)
		if err != nil {
			return fmt.Errorf("update membership: %w", err)
		}
		if r == before {
			return nil
		}
		if err := eventpg.Append(ctx, tx, m.Happened(event.MemberRoleChanged)); err != nil || r > before {
			return err
		}
		restrictions = []coherent.Restriction{coherent.Membership(sub, workspaceID, m.Version, r)}
		return coherentpg.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return membership.Membership{}, nil, err
	}
	return m, restrictions, nil
}

// Remove implements membership.Store.
func (s *Store) Remove(ctx context.Context, sub string, workspaceID uuid.UUID) ([]coherent.Restriction, error) {
	var restrictions []coherent.Restriction
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var version int64
		err := tx.QueryRow(ctx, `
			UPDATE directory.membership
			   SET role = 0, version = version + 1
			 WHERE sub = $1 AND workspace_id = $2 AND role > 0
			RETURNING version`, sub, workspaceID).Scan(&version)
		if errors.Is(err, pgx.ErrNoRows) {
			return membership.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("update membership: %w", err)
		}
		restrictions = []coherent.Restriction{coherent.Membership(sub, workspaceID, version, role.None)}
		removed := membership.Membership{Sub: sub, WorkspaceID: workspaceID}
		if err := eventpg.Append(ctx, tx, removed.Happened(event.MemberRemoved)); err != nil {
			return err
		}
		return coherentpg.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// List implements membership.Store.
func (s *Store) List(ctx context.Context, workspaceID uuid.UUID) ([]membership.Membership, error) {
	rows, err := s.db.Query(ctx, `
		SELECT `+columns+`
		  FROM `+tables+`
		 WHERE m.workspace_id = $1 AND m.role > 0
		 ORDER BY s.username`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("select memberships: %w", err)
	}
	members, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (membership.Membership, error) {
		var m membership.Membership
		err := row.Scan(fields(&m)...)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("select memberships: %w", err)
	}
	return members, nil
}

// HasAdmin implements membership.Store.
func (s *Store) HasAdmin(ctx context.Context, workspaceID uuid.UUID) (has bool, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT EXISTS (
		       SELECT FROM `+tables+`
		        WHERE m.workspace_id = $1 AND m.role = $2 AND NOT s.disabled)`, workspaceID, int16(role.Admin)).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("select admin: %w", err)
	}
	return has, nil
}
