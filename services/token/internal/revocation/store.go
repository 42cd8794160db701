package revocation

import (
	"context"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
)

// Store keeps ended tokens in the restriction log. It is safe for concurrent use,
// across processes too.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store. keep is how long a restriction is kept.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db, keep} }

// Revoke writes and returns the restriction, unless the token has ended already:
// doing it twice is no error, and one event. Beyond [coherent.MaxTokens] of one
// family, a token takes the older ones of its family along.
func (s *Store) Revoke(ctx context.Context, t credential.AccessToken) (ended []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		ended = nil
		log, err := coherentdb.FindEnded(ctx, tx, t.ID, t.FamilyID)
		if err != nil {
			return err
		}
		r, changed := log.End(t.ID, t.FamilyID, t.ClientID, t.IssueTime)
		if !changed {
			return tx.Confirm(ctx)
		}
		ended = []coherent.Restriction{r}
		if err := coherentdb.Append(ctx, tx, s.keep, r); err != nil {
			return err
		}
		return eventdb.Append(ctx, tx, Revoked(t))
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}
