package code

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/services/token/internal/family"
)

// Store keeps what was redeemed for [ReplayMemory] after the code has expired.
// It is safe for concurrent use, across processes too.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store. keep is how long a restriction is kept.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db, keep} }

// Redeem marks the code as redeemed, and starts f unless it is nil, both or
// neither. Of any number of callers exactly one succeeds. It ends the oldest
// families of f's grant beyond limit, and returns the restrictions that this
// made. Fails with ErrRedeemed, ErrExpired. The primary key is the gate: a second
// insertion waits for the first to commit, and then finds its row.
func (s *Store) Redeem(ctx context.Context, c credential.AuthorizationCode, f *family.Family, limit int) (ended []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		inserted, err := tx.Exec(ctx, `
			INSERT INTO token.redemption (code_id, expire_time)
			SELECT $1, $2
			 WHERE $2 > statement_timestamp()
			ON CONFLICT DO NOTHING`, c.ID, c.ExpireTime)
		if err != nil {
			return fmt.Errorf("insert redemption: %w", err)
		}
		if inserted == 0 {
			return refused(ctx, tx, c)
		}
		if f != nil {
			ended, err = family.Insert(ctx, tx, *f, limit, s.keep)
		}
		return err
	})
	return ended, err
}

// refused says why the gate was closed.
func refused(ctx context.Context, tx *database.Tx, c credential.AuthorizationCode) error {
	var redeemed bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM token.redemption WHERE code_id = $1)`, c.ID).Scan(&redeemed)
	switch {
	case err != nil:
		return fmt.Errorf("select redemption: %w", err)
	case redeemed:
		return ErrRedeemed
	default:
		return ErrExpired
	}
}

// Replay ends whatever was issued for the code. Doing it twice is no error, and one
// event.
func (s *Store) Replay(ctx context.Context, c credential.AuthorizationCode) (ended []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		ended = nil
		first, err := replayed(ctx, tx, c.ID)
		if err != nil || !first {
			return err
		}
		if ended, err = family.End(ctx, tx, family.Family{ID: c.ID, ClientID: c.ClientID}, s.keep); err != nil {
			return err
		}
		return eventdb.Append(ctx, tx, reused(c))
	})
	return ended, err
}

// replayed marks the code, and reports whether this is the first replay. The commit of
// a later one waits for a standby all the same.
func replayed(ctx context.Context, tx *database.Tx, id uuid.UUID) (first bool, err error) {
	marked, err := tx.Exec(ctx, `UPDATE token.redemption SET replayed = true WHERE code_id = $1 AND NOT replayed`, id)
	if err != nil {
		return false, fmt.Errorf("mark code as replayed: %w", err)
	}
	if marked == 0 {
		return false, tx.Confirm(ctx)
	}
	return true, nil
}

// Sweeps returns what need not be remembered any more, for deletion.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db, sweep.Rule{Table: "token.redemption", Key: "code_id", Due: "expire_time", After: ReplayMemory})
}
