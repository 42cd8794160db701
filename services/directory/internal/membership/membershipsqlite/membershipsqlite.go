// Package membershipsqlite keeps memberships in SQLite.
package membershipsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

var _ membership.Store = (*Store)(nil)

// Store implements membership.Store. Write transactions run one after another,
// so within one nothing changes between two statements.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// columns are those that fields points at.
const columns = `m.membership_id, m.sub, s.username, m.workspace_id, w.name, m.role, m.version`

// tables name what columns are of.
const tables = `directory_membership AS m
		  JOIN directory_subject AS s ON s.sub = m.sub
		  JOIN directory_workspace AS w ON w.workspace_id = m.workspace_id`

func fields(m *membership.Membership) []any {
	return []any{&m.ID, &m.Sub, &m.Username, &m.WorkspaceID, &m.WorkspaceName, &m.Role, &m.Version}
}

// Add implements membership.Store.
func (s *Store) Add(ctx context.Context, m membership.Membership) (membership.Membership, error) {
	added := m
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		if err := names(ctx, tx, &added); err != nil {
			return err
		}
		err := tx.QueryRowContext(ctx, `
			INSERT INTO directory_membership AS m (sub, workspace_id, membership_id, role)
			VALUES (?, ?, ?, ?)
			ON CONFLICT (sub, workspace_id) DO UPDATE
			   SET membership_id = excluded.membership_id, role = excluded.role, version = m.version + 1
			 WHERE m.role = 0
			RETURNING version`, m.Sub, m.WorkspaceID, m.ID, int64(m.Role)).Scan(&added.Version)
		if errors.Is(err, sql.ErrNoRows) {
			return membership.ErrExists
		}
		if err != nil {
			return fmt.Errorf("upsert membership: %w", err)
		}
		return eventsqlite.Append(ctx, tx, added.Happened(event.MemberAdded))
	})
	if err != nil {
		return membership.Membership{}, err
	}
	return added, nil
}

// names fills in the names.
func names(ctx context.Context, tx *sql.Tx, m *membership.Membership) error {
	err := tx.QueryRowContext(ctx, `SELECT name FROM directory_workspace WHERE workspace_id = ?`, m.WorkspaceID).Scan(&m.WorkspaceName)
	if errors.Is(err, sql.ErrNoRows) {
		return workspace.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("select workspace: %w", err)
	}
	err = tx.QueryRowContext(ctx, `SELECT username FROM directory_subject WHERE sub = ?`, m.Sub).Scan(&m.Username)
	if errors.Is(err, sql.ErrNoRows) {
		return subject.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("select subject: %w", err)
	}
	return nil
}

// SetRole implements membership.Store.
func (s *Store) SetRole(ctx context.Context, sub string, workspaceID uuid.UUID, r role.Role) (membership.Membership, []coherent.Restriction, error) {
	var (
		m            membership.Membership
		restrictions []coherent.Restriction
	)
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `
			SELECT `+columns+`
			  FROM `+tables+`
			 WHERE m.sub = ? AND m.workspace_id = ? AND m.role > 0`, sub, workspaceID).Scan(fields(&m)...)
		if errors.Is(err, sql.ErrNoRows) {
			return membership.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("select membership: %w", err)
		}
		before := m.Role
		if before == r {
			return nil
		}
		err = tx.QueryRowContext(ctx, `
			UPDATE directory_membership
			   SET role = ?3, version = version + 1
			 WHERE sub = ?1 AND workspace_id = ?2
			RETURNING role, version`, sub, workspaceID, int64(r)).Scan(&m.Role, &m.Version)
		if err != nil {
			return fmt.Errorf("update membership: %w", err)
		}
		if err := eventsqlite.Append(ctx, tx, m.Happened(event.MemberRoleChanged)); err != nil || r > before {
			return err
		}
		restrictions = []coherent.Restriction{coherent.Membership(sub, workspaceID, m.Version, r)}
		return coherentsqlite.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return membership.Membership{}, nil, err
	}
	return m, restrictions, nil
}

// Remove implements membership.Store.
func (s *Store) Remove(ctx context.Context, sub string, workspaceID uuid.UUID) ([]coherent.Restriction, error) {
	var restrictions []coherent.Restriction
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		var version int64
		err := tx.QueryRowContext(ctx, `
			UPDATE directory_membership
			   SET role = 0, version = version + 1
			 WHERE sub = ? AND workspace_id = ? AND role > 0
			RETURNING version`, sub, workspaceID).Scan(&version)
		if errors.Is(err, sql.ErrNoRows) {
			return membership.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("update membership: %w", err)
		}
		restrictions = []coherent.Restriction{coherent.Membership(sub, workspaceID, version, role.None)}
		removed := membership.Membership{Sub: sub, WorkspaceID: workspaceID}
		if err := eventsqlite.Append(ctx, tx, removed.Happened(event.MemberRemoved)); err != nil {
			return err
		}
		return coherentsqlite.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// List implements membership.Store.
func (s *Store) List(ctx context.Context, workspaceID uuid.UUID) ([]membership.Membership, error) {
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT `+columns+`
		  FROM `+tables+`
		 WHERE m.workspace_id = ? AND m.role > 0
		 ORDER BY s.username`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("select memberships: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var members []membership.Membership
	for rows.Next() {
		var m membership.Membership
		if err := rows.Scan(fields(&m)...); err != nil {
			return nil, fmt.Errorf("select memberships: %w", err)
		}
		members = append(members, m)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select memberships: %w", err)
	}
	return members, nil
}

// HasAdmin implements membership.Store.
func (s *Store) HasAdmin(ctx context.Context, workspaceID uuid.UUID) (has bool, err error) {
	err = s.db.Read().QueryRowContext(ctx, `
		SELECT EXISTS (
		       SELECT 1
		         FROM `+tables+`
		        WHERE m.workspace_id = ? AND m.role = ? AND NOT s.disabled)`, workspaceID, role.Admin).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("select admin: %w", err)
	}
	return has, nil
}
