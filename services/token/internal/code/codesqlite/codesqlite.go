// Package codesqlite keeps redeemed codes in SQLite.
package codesqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/token/internal/code"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/family/familysqlite"
)

// Store implements code.Store.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store. keep is how long a restriction is kept.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db, keep} }

const insertRedemption = `
	INSERT INTO token_redemption (code_id, expire_time)
	SELECT ?1, ?2
	 WHERE ?2 > ` + sqlite.NowMicros + `
	ON CONFLICT DO NOTHING`

// Redeem implements code.Store. The primary key is the gate.
func (s *Store) Redeem(ctx context.Context, c credential.AuthorizationCode, f *family.Family, limit int) (ended []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, insertRedemption, c.ID[:], sqlite.Time(c.ExpireTime))
		if err != nil {
			return fmt.Errorf("insert redemption: %w", err)
		}
		inserted, err := result.RowsAffected()
		if err != nil {
			return fmt.Errorf("insert redemption: %w", err)
		}
		if inserted == 0 {
			return refused(ctx, tx, c)
		}
		if f != nil {
			ended, err = familysqlite.Insert(ctx, tx, *f, limit, s.keep)
		}
		return err
	})
	return ended, err
}

// refused says why the gate was closed.
func refused(ctx context.Context, tx *sql.Tx, c credential.AuthorizationCode) error {
	var redeemed bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM token_redemption WHERE code_id = ?1)`, c.ID[:]).Scan(&redeemed)
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
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		ended = nil
		first, err := replayed(ctx, tx, c.ID)
		if err != nil || !first {
			return err
		}
		if ended, err = familysqlite.End(ctx, tx, family.Family{ID: c.ID, ClientID: c.ClientID}, s.keep); err != nil {
			return err
		}
		return eventsqlite.Append(ctx, tx, code.Reused(c))
	})
	return ended, err
}

// replayed marks the code, and says whether this is the first replay.
func replayed(ctx context.Context, tx *sql.Tx, id uuid.UUID) (first bool, err error) {
	result, err := tx.ExecContext(ctx, `UPDATE token_redemption SET replayed = 1 WHERE code_id = ?1 AND replayed = 0`, id[:])
	if err != nil {
		return false, fmt.Errorf("mark code as replayed: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// Sweeps implements code.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, code.Sweeps()...) }
