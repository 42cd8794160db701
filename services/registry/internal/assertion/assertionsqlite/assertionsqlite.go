// Package assertionsqlite remembers used client assertions in SQLite.
package assertionsqlite

import (
	"context"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion"
)

var _ assertion.Store = (*Store)(nil)

// Store implements assertion.Store.
type Store struct{ db *sqlite.DB }

// New returns a store on db, which must be migrated.
func New(db *sqlite.DB) *Store { return &Store{db: db} }

// Add implements assertion.Store. The primary key is the gate.
func (s *Store) Add(ctx context.Context, u assertion.Use) error {
	result, err := s.db.Write().ExecContext(ctx, `
		INSERT INTO registry_used_assertion (client_id, jti_digest, expire_time)
		VALUES (?, ?, ?)
		ON CONFLICT DO NOTHING`, u.ClientID, u.JTI[:], sqlite.Time(u.ExpireTime))
	if err != nil {
		return fmt.Errorf("insert used assertion: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("insert used assertion: %w", err)
	}
	if n == 0 {
		return assertion.ErrUsed
	}
	return nil
}

// Sweeps implements assertion.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, assertion.Sweeps()...) }
