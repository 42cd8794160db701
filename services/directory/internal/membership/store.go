package membership

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// Store keeps memberships. It is safe for concurrent use, across
// processes too.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// columns are those that fields points at.
const columns = `m.membership_id, m.sub, s.username, m.workspace_id, w.name, m.role, m.version`

// tables name what columns are of.
const tables = `directory.membership AS m
		  JOIN directory.subject AS s USING (sub)
		  JOIN directory.workspace AS w USING (workspace_id)`

func fields(m *Membership) []any {
	return []any{&m.ID, &m.Sub, &m.Username, &m.WorkspaceID, &m.WorkspaceName, &m.Role, &m.Version}
}

// Add makes m.Sub a member of m.WorkspaceID with m.ID and m.Role, and returns the
// membership as stored. Of any number of callers exactly one succeeds. Fails with
// ErrExists, subject.ErrNotFound and workspace.ErrNotFound. The condition of the
// upsert is the gate: the second caller waits for the first, then finds a role.
func (s *Store) Add(ctx context.Context, m Membership) (Membership, error) {
	added := m
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
		if err := names(ctx, tx, &added); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `
			INSERT INTO directory.membership AS m (sub, workspace_id, membership_id, role)
			VALUES ($1, $2, $3, $4)
			ON CONFLICT (sub, workspace_id) DO UPDATE
			   SET membership_id = excluded.membership_id, role = excluded.role, version = m.version + 1
			 WHERE m.role = 0
			RETURNING version`, m.Sub, m.WorkspaceID.String(), m.ID.String(), int16(m.Role)).Scan(&added.Version)
		if errors.Is(err, database.ErrNoRows) {
			return ErrExists
		}
		if err != nil {
			return fmt.Errorf("upsert membership: %w", err)
		}
		return eventdb.Append(ctx, tx, added.Happened(event.MemberAdded))
	})
	if err != nil {
		return Membership{}, err
	}
	return added, nil
}

// names fills in the names, and holds on to the workspace: the order of locks is
// that of its deletion.
func names(ctx context.Context, tx *database.Tx, m *Membership) error {
	err := tx.QueryRow(ctx, `SELECT name FROM directory.workspace WHERE workspace_id = $1 FOR KEY SHARE`, m.WorkspaceID.String()).Scan(&m.WorkspaceName)
	if errors.Is(err, database.ErrNoRows) {
		return workspace.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("select workspace: %w", err)
	}
	err = tx.QueryRow(ctx, `SELECT username FROM directory.subject WHERE sub = $1`, m.Sub).Scan(&m.Username)
	if errors.Is(err, database.ErrNoRows) {
		return subject.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("select subject: %w", err)
	}
	return nil
}

// SetRole changes the role of a member, and returns what it logged: nothing unless
// the role is lower than before. The role that the member has already changes
// nothing. Fails with ErrNotFound. The row is locked before its role is read, so
// the role that is compared with is the one that is replaced.
func (s *Store) SetRole(ctx context.Context, sub string, workspaceID uuid.UUID, r role.Role) (Membership, []coherent.Restriction, error) {
	var (
		m            Membership
		restrictions []coherent.Restriction
	)
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
		m, restrictions = Membership{}, nil
		err := tx.QueryRow(ctx, `
			SELECT `+columns+`
			  FROM `+tables+`
			 WHERE m.sub = $1 AND m.workspace_id = $2 AND m.role > 0
			   FOR UPDATE OF m`, sub, workspaceID.String()).Scan(fields(&m)...)
		if errors.Is(err, database.ErrNoRows) {
			return ErrNotFound
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
			RETURNING role, version`, sub, workspaceID.String(), int16(r)).Scan(&m.Role, &m.Version)
		if err != nil {
			return fmt.Errorf("update membership: %w", err)
		}
		if r == before {
			return nil
		}
		if err := eventdb.Append(ctx, tx, m.Happened(event.MemberRoleChanged)); err != nil || r > before {
			return err
		}
		restrictions = []coherent.Restriction{coherent.Membership(sub, workspaceID, m.Version, r)}
		return coherentdb.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return Membership{}, nil, err
	}
	return m, restrictions, nil
}

// Remove ends a membership, and returns what it logged. Fails with ErrNotFound.
func (s *Store) Remove(ctx context.Context, sub string, workspaceID uuid.UUID) ([]coherent.Restriction, error) {
	var restrictions []coherent.Restriction
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
		var version int64
		err := tx.QueryRow(ctx, `
			UPDATE directory.membership
			   SET role = 0, version = version + 1
			 WHERE sub = $1 AND workspace_id = $2 AND role > 0
			RETURNING version`, sub, workspaceID.String()).Scan(&version)
		if errors.Is(err, database.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("update membership: %w", err)
		}
		restrictions = []coherent.Restriction{coherent.Membership(sub, workspaceID, version, role.None)}
		removed := Membership{Sub: sub, WorkspaceID: workspaceID}
		if err := eventdb.Append(ctx, tx, removed.Happened(event.MemberRemoved)); err != nil {
			return err
		}
		return coherentdb.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// List returns the members of a workspace by user name; none for a workspace that
// is not there.
func (s *Store) List(ctx context.Context, workspaceID uuid.UUID) ([]Membership, error) {
	members, err := database.Collect(ctx, s.db, func(row database.Row) (m Membership, err error) {
		err = row.Scan(fields(&m)...)
		return m, err
	}, `
		SELECT `+columns+`
		  FROM `+tables+`
		 WHERE m.workspace_id = $1 AND m.role > 0
		 ORDER BY s.username`, workspaceID.String())
	if err != nil {
		return nil, fmt.Errorf("select memberships: %w", err)
	}
	return members, nil
}

// HasAdmin reports whether a workspace has an admin who is not disabled.
func (s *Store) HasAdmin(ctx context.Context, workspaceID uuid.UUID) (has bool, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT EXISTS (
		       SELECT 1 FROM `+tables+`
		        WHERE m.workspace_id = $1 AND m.role = $2 AND NOT s.disabled)`, workspaceID.String(), int16(role.Admin)).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("select admin: %w", err)
	}
	return has, nil
}
