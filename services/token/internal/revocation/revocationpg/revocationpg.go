// Package revocationpg writes ended access tokens to the restriction log in Postgres.
package revocationpg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/services/token/internal/revocation"
)

// Store implements revocation.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store. keep is how long a restriction is kept.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db, keep} }

// Revoke implements revocation.Store.
func (s *Store) Revoke(ctx context.Context, t credential.AccessToken) (ended []coherent.Restriction, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		ended = nil
		log, err := coherentpg.FindEnded(ctx, tx, t.ID, t.FamilyID)
		if err != nil {
			return err
		}
		r, changed := log.End(t.ID, t.FamilyID, t.ClientID, t.IssueTime)
		if !changed {
			return coherentpg.Confirm(ctx, tx)
		}
		ended = []coherent.Restriction{r}
		if err := coherentpg.Append(ctx, tx, s.keep, r); err != nil {
			return err
		}
		return eventpg.Append(ctx, tx, revocation.Revoked(t))
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}
