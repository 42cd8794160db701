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
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
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
			SELECT ?1, ?2, ?3, '-', t, t FROM (SELECT `+sqlite.NowMicros+` AS t) WHERE true
			ON CONFLICT (sub, client_id) WHERE revoke_time IS NULL
			DO UPDATE SET client_id = excluded.client_id
			RETURNING id`, d.NewID[:], d.ClientID, d.Sub).Scan(&id)
		if err != nil {
			return fmt.Errorf("upsert grant: %w", err)
		}
		before, err := find(ctx, tx, id)
		if err != nil {
			return err
		}
		if id == d.NewID && before.Former != nil { // nothing was written yet
			before.Version, before.Former = 0, nil
		}
		if g, restrictions, err = s.change(ctx, tx, d.Change(before)); err != nil {
			return err
		}
		return eventsqlite.Append(ctx, tx, grant.Recorded(d, g))
	})
	if err != nil {
		return grant.Grant{}, nil, err
	}
	return g, restrictions, nil
}

// Change implements grant.Store.
func (s *Store) Change(ctx context.Context, id uuid.UUID, c grant.Change) (g grant.Grant, restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		before, err := find(ctx, tx, id)
		if err != nil {
			return err
		}
		if g, restrictions, err = s.change(ctx, tx, c(before)); err != nil {
			return err
		}
		return eventsqlite.Append(ctx, tx, grant.Changed(g))
	})
	if err != nil {
		return grant.Grant{}, nil, err
	}
	return g, restrictions, nil
}

// change writes what became of a grant.
func (s *Store) change(ctx context.Context, tx *sql.Tx, after grant.After) (grant.Grant, []coherent.Restriction, error) {
	g := after.Grant
	var updateTime int64
	err := tx.QueryRowContext(ctx, `
		UPDATE consent_grant
		   SET scope = ?2,
		       allowed_scope = ?3,
		       former_identity = ?4,
		       version = ?5,
		       update_time = `+sqlite.NowMicros+`,
		       approve_time = `+sqlite.NowMicros+`
		 WHERE id = ?1
		RETURNING update_time`,
		g.ID[:], after.Former.Scope.String(), g.Scope.String(), g.FormerIdentity[:], g.Version).Scan(&updateTime)
	if err != nil {
		return grant.Grant{}, nil, fmt.Errorf("update grant: %w", err)
	}
	g.UpdateTime = sqlite.FromTime(updateTime)
	if err := replaceApprovals(ctx, tx, g); err != nil {
		return grant.Grant{}, nil, err
	}
	if err := replaceFormer(ctx, tx, g, after.Former); err != nil {
		return grant.Grant{}, nil, err
	}
	if !after.Lost {
		return g, nil, nil
	}
	restriction := coherent.Grant(g.ID, g.Version).Of(g.ClientID)
	if err := coherentsqlite.Append(ctx, tx, s.keep, restriction); err != nil {
		return grant.Grant{}, nil, err
	}
	return g, []coherent.Restriction{restriction}, nil
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
		restrictions = []coherent.Restriction{coherent.Grant(id, ended.Version).Of(ended.ClientID)}
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

// Sweeps implements grant.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, grant.Sweeps()...) }
