package grant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Store keeps grants: it reads the truth and no cache, and each change is one
// transaction that returns the restrictions which it logged. It is safe for
// concurrent use, across processes too.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Record changes the live grant of the pair, or starts one. Of any number of callers
// for one pair, each adds to the same grant: the unique index of live grants is the
// gate, and the second caller waits for the first, then locks the row that it made. A
// grant that is revoked meanwhile is not found by the index, and another one starts.
func (s *Store) Record(ctx context.Context, d Decision) (g Grant, restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		var id uuid.UUID
		err := tx.QueryRow(ctx, `
			INSERT INTO consent.grant (id, client_id, sub, scope, create_time, update_time)
			VALUES ($1, $2, $3, '-', statement_timestamp(), statement_timestamp())
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
		return eventdb.Append(ctx, tx, recorded(d, g))
	})
	if err != nil {
		return Grant{}, nil, err
	}
	return g, restrictions, nil
}

// Change changes a live grant. Fails with ErrNotFound. What is read after the lock is
// the state that the one before left: each statement has a snapshot of its own.
func (s *Store) Change(ctx context.Context, id uuid.UUID, c Change) (g Grant, restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		_, err := tx.Exec(ctx, `SELECT 1 FROM consent.grant WHERE id = $1 AND revoke_time IS NULL FOR UPDATE`, id)
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
		return eventdb.Append(ctx, tx, changed(g))
	})
	if err != nil {
		return Grant{}, nil, err
	}
	return g, restrictions, nil
}

// change writes what became of a grant, whose row tx has locked.
func (s *Store) change(ctx context.Context, tx *database.Tx, after After) (Grant, []coherent.Restriction, error) {
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
		return Grant{}, nil, fmt.Errorf("update grant: %w", err)
	}
	if err := replaceApprovals(ctx, tx, g); err != nil {
		return Grant{}, nil, err
	}
	if err := replaceFormer(ctx, tx, g, after.Former); err != nil {
		return Grant{}, nil, err
	}
	if !after.Lost {
		return g, nil, nil
	}
	restriction := coherent.Grant(g.ID, g.Version).Of(g.ClientID)
	if err := coherentdb.Append(ctx, tx, s.keep, restriction); err != nil {
		return Grant{}, nil, err
	}
	return g, []coherent.Restriction{restriction}, nil
}

// Revoke ends a grant for good: that of any subject if sub is empty. Revoking it again
// is no error and restricts nothing. Fails with ErrNotFound for a grant that never was,
// or is another subject's. The condition of the UPDATE is the gate.
func (s *Store) Revoke(ctx context.Context, id uuid.UUID, sub string, why Reason) (restrictions []coherent.Restriction, err error) {
	if database.Key(sub) != sub {
		return nil, ErrNotFound
	}
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		restrictions = nil
		ended := Grant{ID: id}
		err := tx.QueryRow(ctx, `
			UPDATE consent.grant
			   SET revoke_time = statement_timestamp(),
			       revoke_reason = $2,
			       version = version + 1
			 WHERE id = $1 AND revoke_time IS NULL AND ($3 = '' OR sub = $3)
			RETURNING version, client_id, sub`, id, string(why), sub).Scan(&ended.Version, &ended.ClientID, &ended.Sub)
		if errors.Is(err, database.ErrNoRows) {
			return revoked(ctx, tx, id, sub)
		}
		if err != nil {
			return fmt.Errorf("revoke grant: %w", err)
		}
		restrictions = []coherent.Restriction{coherent.Grant(id, ended.Version).Of(ended.ClientID)}
		if err := coherentdb.Append(ctx, tx, s.keep, restrictions...); err != nil {
			return err
		}
		return eventdb.Append(ctx, tx, revokedBy(ended, why))
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// revoked tells a revoked grant from one that never was. It writes, and changes
// nothing: only the commit of a write waits for a standby, and the revocation
// itself may have come to an unknown outcome there.
func revoked(ctx context.Context, tx *database.Tx, id uuid.UUID, sub string) error {
	touched, err := tx.Exec(ctx, `
		UPDATE consent.grant
		   SET revoke_time = revoke_time
		 WHERE id = $1 AND ($2 = '' OR sub = $2)`, id, sub)
	switch {
	case err != nil:
		return fmt.Errorf("touch grant: %w", err)
	case touched == 0:
		return ErrNotFound
	default:
		return nil
	}
}

// History is how long a grant that was revoked is kept. Nothing needs it: what was
// issued for it is dead without it as well.
const History = 90 * 24 * time.Hour

// Sweeps returns the grants that were revoked long ago, for deletion.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db, sweep.Rule{
		Table: "consent.grant", Key: "id", Due: "revoke_time", After: History, Parent: "grant_id",
		Children: []string{"consent.approval", "consent.grant_identity", "consent.grant_project", "consent.grant_workspace"},
	})
}
