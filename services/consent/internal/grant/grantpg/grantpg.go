// Package grantpg keeps grants in PostgreSQL.
package grantpg

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
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

var _ grant.Store = (*Store)(nil)

// Store implements grant.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Record implements grant.Store. The unique index of live grants is the gate:
// who comes second waits for the first, then locks the row that it made. A grant
// that is revoked meanwhile is not found by the index, and another one starts.
func (s *Store) Record(ctx context.Context, d grant.Decision) (g grant.Grant, restrictions []coherent.Restriction, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var id uuid.UUID
		err := tx.QueryRow(ctx, `
			INSERT INTO consent.grant (id, client_id, sub, scope)
			VALUES ($1, $2, $3, '-')
			ON CONFLICT (sub, client_id) WHERE revoke_time IS NULL
			DO UPDATE SET client_id = excluded.client_id
			RETURNING id`, d.NewID, d.ClientID, d.Sub).Scan(&id)
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
		return eventpg.Append(ctx, tx, grant.Recorded(d, g))
	})
	if err != nil {
		return grant.Grant{}, nil, err
	}
	return g, restrictions, nil
}

// Change implements grant.Store. What is read after the lock is the state that the
// one before left: each statement has a snapshot of its own.
func (s *Store) Change(ctx context.Context, id uuid.UUID, c grant.Change) (g grant.Grant, restrictions []coherent.Restriction, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM consent.grant WHERE id = $1 AND revoke_time IS NULL FOR UPDATE`, id)
		if err != nil {
			return fmt.Errorf("lock grant: %w", err)
		}
		before, err := find(ctx, tx, id)
		if err != nil {
			return err
		}
		if g, restrictions, err = s.change(ctx, tx, c(before)); err != nil {
			return err
		}
		return eventpg.Append(ctx, tx, grant.Changed(g))
	})
	if err != nil {
		return grant.Grant{}, nil, err
	}
	return g, restrictions, nil
}

// change writes what became of a grant, whose row tx has locked.
func (s *Store) change(ctx context.Context, tx pgx.Tx, after grant.After) (grant.Grant, []coherent.Restriction, error) {
	g := after.Grant
	err := tx.QueryRow(ctx, `
		UPDATE consent.grant
		   SET scope = $2,
		       allowed_scope = $3,
		       former_identity = $4,
		       version = $5,
		       update_time = statement_timestamp(),
		       approve_time = statement_timestamp()
		 WHERE id = $1
		RETURNING update_time`,
		g.ID, after.Former.Scope.String(), g.Scope.String(), g.FormerIdentity[:], g.Version).Scan(&g.UpdateTime)
	if err != nil {
		return grant.Grant{}, nil, fmt.Errorf("update grant: %w", err)
	}
	g.UpdateTime = g.UpdateTime.UTC()
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
	if err := coherentpg.Append(ctx, tx, s.keep, restriction); err != nil {
		return grant.Grant{}, nil, err
	}
	return g, []coherent.Restriction{restriction}, nil
}

// Revoke implements grant.Store. The condition of the UPDATE is the gate.
func (s *Store) Revoke(ctx context.Context, id uuid.UUID, sub string, why grant.Reason) (restrictions []coherent.Restriction, err error) {
	if key(sub) != sub {
		return nil, grant.ErrNotFound
	}
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		restrictions = nil
		ended := grant.Grant{ID: id}
		err := tx.QueryRow(ctx, `
			UPDATE consent.grant
			   SET revoke_time = statement_timestamp(),
			       revoke_reason = $2,
			       version = version + 1
			 WHERE id = $1 AND revoke_time IS NULL AND ($3 = '' OR sub = $3)
			RETURNING version, client_id, sub`, id, string(why), sub).Scan(&ended.Version, &ended.ClientID, &ended.Sub)
		if errors.Is(err, pgx.ErrNoRows) {
			return revoked(ctx, tx, id, sub)
		}
		if err != nil {
			return fmt.Errorf("revoke grant: %w", err)
		}
		restrictions = []coherent.Restriction{coherent.Grant(id, ended.Version).Of(ended.ClientID)}
		if err := coherentpg.Append(ctx, tx, s.keep, restrictions...); err != nil {
			return err
		}
		return eventpg.Append(ctx, tx, grant.Revoked(ended, why))
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// revoked tells a revoked grant from one that never was. It writes, and changes
// nothing: only the commit of a write waits for a standby, and the revocation
// itself may have come to an unknown outcome there.
func revoked(ctx context.Context, tx pgx.Tx, id uuid.UUID, sub string) error {
	tag, err := tx.Exec(ctx, `
		UPDATE consent.grant
		   SET revoke_time = revoke_time
		 WHERE id = $1 AND ($2 = '' OR sub = $2)`, id, sub)
	switch {
	case err != nil:
		return fmt.Errorf("touch grant: %w", err)
	case tag.RowsAffected() == 0:
		return grant.ErrNotFound
	default:
		return nil
	}
}

// Sweeps implements grant.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, grant.Sweeps()...) }
