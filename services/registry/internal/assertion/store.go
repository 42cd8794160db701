package assertion

import (
	"context"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Store remembers uses. It is safe for concurrent use, across
// processes too.
type Store struct{ db *database.DB }

// NewStore returns a store on db, which must be migrated.
func NewStore(db *database.DB) *Store { return &Store{db: db} }

// Add remembers u. Of any number of callers with the same client and jti exactly
// one succeeds; the rest get ErrUsed. The primary key is the gate: a second caller
// waits for the first, and then inserts nothing. The transaction is for its commit,
// which does not pass for done when a standby may lack it.
func (s *Store) Add(ctx context.Context, u Use) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		changed, err := tx.Exec(ctx, `
			INSERT INTO registry.used_assertion (client_id, jti_digest, expire_time)
			VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, u.ClientID, u.JTI[:], u.ExpireTime)
		if err != nil {
			return fmt.Errorf("insert used assertion: %w", err)
		}
		if changed == 0 {
			return ErrUsed
		}
		return nil
	})
}

// Sweeps returns the assertions that have expired, for deletion.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db, sweep.Rule{Table: "registry.used_assertion", Key: "client_id, jti_digest", Due: "expire_time"})
}
