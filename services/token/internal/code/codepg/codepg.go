// Package codepg keeps redeemed codes in Postgres.
package codepg

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/token/internal/code"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/family/familypg"
)

// Store implements code.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store. keep is how long a restriction is kept.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db, keep} }

// Redeem implements code.Store. The primary key is the gate: a second insertion
// waits for the first to commit, and then finds its row.
func (s *Store) Redeem(ctx context.Context, c credential.AuthorizationCode, f *family.Family, limit int) (ended []coherent.Restriction, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO token.redemption (code_id, expire_time)
			SELECT $1, $2
			 WHERE $2 > statement_timestamp()
			ON CONFLICT DO NOTHING`, c.ID, c.ExpireTime)
		if err != nil {
			return fmt.Errorf("insert redemption: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return refused(ctx, tx, c)
		}
		if f != nil {
			ended, err = familypg.Insert(ctx, tx, *f, limit, s.keep)
		}
		return err
	})
	return ended, err
}

// refused says why the gate was closed.
func refused(ctx context.Context, tx pgx.Tx, c credential.AuthorizationCode) error {
	var redeemed bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM token.redemption WHERE code_id = $1)`, c.ID).Scan(&redeemed)
	switch {
	case err != nil:
		return fmt.Errorf("select redemption: %w", err)
	case redeemed:
		return code.ErrRedeemed
	default:
		return code.ErrExpired
	}
}

// Replay implements code.Store.
func (s *Store) Replay(ctx context.Context, c credential.AuthorizationCode) (ended []coherent.Restriction, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		ended = nil
		first, err := replayed(ctx, tx, c.ID)
		if err != nil || !first {
			return err
		}
		if ended, err = familypg.End(ctx, tx, family.Family{ID: c.ID, ClientID: c.ClientID}, s.keep); err != nil {
			return err
		}
		return eventpg.Append(ctx, tx, code.Reused(c))
	})
	return ended, err
}

// replayed marks the code, and says whether this is the first replay. A later one
// writes too, and changes nothing: only the commit of a write waits for a standby, and
// the first may have come to an unknown outcome there.
func replayed(ctx context.Context, tx pgx.Tx, id uuid.UUID) (first bool, err error) {
	tag, err := tx.Exec(ctx, `UPDATE token.redemption SET replayed = true WHERE code_id = $1 AND NOT replayed`, id)
	if err == nil && tag.RowsAffected() == 0 {
		_, err = tx.Exec(ctx, `UPDATE token.redemption SET replayed = true WHERE code_id = $1`, id)
	}
	if err != nil {
		return false, fmt.Errorf("mark code as replayed: %w", err)
	}
	return tag.RowsAffected() > 0, nil
}

// Sweeps implements code.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, code.Sweeps()...) }
