// Package revocationsqlite writes ended access tokens to the restriction log in SQLite.
package revocationsqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/token/internal/revocation"
)

// Store implements revocation.Store.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store. keep is how long a restriction is kept.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db, keep} }

// Revoke implements revocation.Store.
func (s *Store) Revoke(ctx context.Context, t credential.AccessToken) (ended []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		ended = nil
		log, err := coherentsqlite.FindEnded(ctx, tx, t.ID, t.FamilyID)
		if err != nil {
			return err
		}
		r, changed := log.End(t.ID, t.FamilyID, t.ClientID, t.IssueTime)
		if !changed {
			return nil
		}
		ended = []coherent.Restriction{r}
		if err := coherentsqlite.Append(ctx, tx, s.keep, r); err != nil {
			return err
		}
		return eventsqlite.Append(ctx, tx, revocation.Revoked(t))
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}
