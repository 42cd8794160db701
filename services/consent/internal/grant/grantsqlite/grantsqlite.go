// Package grantsqlite keeps grants in SQLite.
package grantsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

var _ grant.Store = (*Store)(nil)

// Store implements grant.Store. Write transactions run one after another, which
// is the gate of each of its methods.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Record implements grant.Store.
func (s *Store) Record(ctx context.Context, d grant.Decision) (g grant.Grant, restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		var id uuid.UUID
		err := tx.QueryRowContext(ctx, `
			INSERT INTO consent_grant (id, client_id, sub, scope, create_time, update_time)
			SELECT ?1, ?2, ?3, ?4, t, t FROM (SELECT `+sqlite.NowMicros+` AS t) WHERE true
			ON CONFLICT (sub, client_id) WHERE revoke_time IS NULL
			DO UPDATE SET update_time = excluded.update_time
			RETURNING id`, d.NewID[:], d.ClientID, d.Sub, d.Change.Scope.String()).Scan(&id)
		if err != nil {
			return fmt.Errorf("upsert grant: %w", err)
		}
		g, restrictions, err = s.change(ctx, tx, id, d.Change)
		if err != nil {
			return err
		}
		if err := identify(ctx, tx, id, d.Identity); err != nil {
			return err
		}
		return eventsqlite.Append(ctx, tx, grant.Recorded(d, g))
	})
	if err != nil {
		return grant.Grant{}, nil, err
	}
	return g, restrictions, nil
}

// identify notes as what the client was allowed something.
func identify(ctx context.Context, tx *sql.Tx, id uuid.UUID, as grant.Identity) error {
	if as == (grant.Identity{}) {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO consent_grant_identity (grant_id, digest)
		VALUES (?, ?)
		ON CONFLICT DO NOTHING`, id[:], as[:])
	if err != nil {
		return fmt.Errorf("insert identity of grant: %w", err)
	}
	return nil
}

// Change implements grant.Store.
func (s *Store) Change(ctx context.Context, id uuid.UUID, c grant.Change) (g grant.Grant, restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		g, restrictions, err = s.change(ctx, tx, id, c)
		if err != nil {
			return err
		}
		return eventsqlite.Append(ctx, tx, grant.Changed(g))
	})
	if err != nil {
		return grant.Grant{}, nil, err
	}
	return g, restrictions, nil
}

func (s *Store) change(ctx context.Context, tx *sql.Tx, id uuid.UUID, c grant.Change) (grant.Grant, []coherent.Restriction, error) {
	before, err := find(ctx, tx, id)
	if err != nil {
		return grant.Grant{}, nil, err
	}
	after, lost := c.Apply(before)
	var updateTime int64
	err = tx.QueryRowContext(ctx, `
		UPDATE consent_grant
		   SET scope = ?2,
		       version = version + CASE WHEN ?3 THEN 1 ELSE 0 END,
		       update_time = `+sqlite.NowMicros+`
		 WHERE id = ?1
		RETURNING version, update_time`, id[:], after.Scope.String(), lost).Scan(&after.Version, &updateTime)
	if err != nil {
		return grant.Grant{}, nil, fmt.Errorf("update grant: %w", err)
	}
	after.UpdateTime = sqlite.FromTime(updateTime)
	if err := replace(ctx, tx, id, c); err != nil {
		return grant.Grant{}, nil, err
	}
	if !lost {
		return after, nil, nil
	}
	restriction := coherent.Grant(id, after.Version)
	if err := coherentsqlite.Append(ctx, tx, s.keep, restriction); err != nil {
		return grant.Grant{}, nil, err
	}
	return after, []coherent.Restriction{restriction}, nil
}

// Revoke implements grant.Store.
func (s *Store) Revoke(ctx context.Context, id uuid.UUID, sub string, why grant.Reason) (restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		ended := grant.Grant{ID: id}
		err := tx.QueryRowContext(ctx, `
			UPDATE consent_grant
			   SET revoke_time = `+sqlite.NowMicros+`,
			       revoke_reason = ?2,
			       version = version + 1
			 WHERE id = ?1 AND revoke_time IS NULL AND (?3 = '' OR sub = ?3)
			RETURNING version, client_id, sub`, id[:], string(why), sub).Scan(&ended.Version, &ended.ClientID, &ended.Sub)
		if errors.Is(err, sql.ErrNoRows) {
			return revoked(ctx, tx, id, sub)
		}
		if err != nil {
			return fmt.Errorf("revoke grant: %w", err)
		}
		restrictions = []coherent.Restriction{coherent.Grant(id, ended.Version)}
		if err := coherentsqlite.Append(ctx, tx, s.keep, restrictions...); err != nil {
			return err
		}
		return eventsqlite.Append(ctx, tx, grant.Revoked(ended, why))
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// revoked tells a revoked grant from one that never was.
func revoked(ctx context.Context, tx *sql.Tx, id uuid.UUID, sub string) error {
	var exists bool
	err := tx.QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM consent_grant WHERE id = ?1 AND (?2 = '' OR sub = ?2))`, id[:], sub).Scan(&exists)
	switch {
	case err != nil:
		return fmt.Errorf("select grant: %w", err)
	case !exists:
		return grant.ErrNotFound
	default:
		return nil
	}
}

// replace replaces the resources of the kinds that c selects.
func replace(ctx context.Context, tx *sql.Tx, id uuid.UUID, c grant.Change) error {
	if c.Kinds.Workspaces {
		if err := replaceWorkspaces(ctx, tx, id, c.Workspaces); err != nil {
			return err
		}
	}
	if c.Kinds.Projects {
		return replaceProjects(ctx, tx, id, c.Projects)
	}
	return nil
}

func replaceWorkspaces(ctx context.Context, tx *sql.Tx, id uuid.UUID, shared []grant.SharedWorkspace) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM consent_grant_workspace WHERE grant_id = ?`, id[:]); err != nil {
		return fmt.Errorf("delete workspaces of grant: %w", err)
	}
	for _, w := range shared {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO consent_grant_workspace (grant_id, workspace_id, membership_id)
			VALUES (?, ?, ?)`, id[:], w.ID[:], w.MembershipID[:])
		if err != nil {
			return fmt.Errorf("insert workspace of grant: %w", err)
		}
	}
	return nil
}

func replaceProjects(ctx context.Context, tx *sql.Tx, id uuid.UUID, shared []grant.SharedProject) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM consent_grant_project WHERE grant_id = ?`, id[:]); err != nil {
		return fmt.Errorf("delete projects of grant: %w", err)
	}
	for _, p := range shared {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO consent_grant_project (grant_id, project_id, workspace_id, membership_id)
			VALUES (?, ?, ?, ?)`, id[:], p.ID[:], p.WorkspaceID[:], p.MembershipID[:])
		if err != nil {
			return fmt.Errorf("insert project of grant: %w", err)
		}
	}
	return nil
}
