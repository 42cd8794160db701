// Package transactionpg keeps pending authorizations in Postgres.
package transactionpg

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedpg"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

var _ transaction.Store = (*Store)(nil)

// Store implements transaction.Store.
type Store struct {
	db      *pgxpool.Pool
	bounds  transaction.Bounds
	created atomic.Int64
}

// New returns a store on db, which must be migrated.
func New(db *pgxpool.Pool, b transaction.Bounds) *Store { return &Store{db: db, bounds: b} }

// Statements that push out what is beyond a bound: of an address, or in all. The list
// of what is beyond takes no lock. What somebody else holds at that moment, or has
// acted on meanwhile, stays; a row that is Begun and has a stage was noted by the
// release before this one.
const (
	pushOut = `
		DELETE FROM authorize.transaction
		 WHERE id IN (
			SELECT id
			  FROM authorize.transaction
			 WHERE id = ANY (ARRAY(`
	pushOutEnd = `))
			   AND hold = @hold
			   AND (hold > 0 OR COALESCE(signed_in, chosen, left_behind, offered, shown) IS NULL)
			   FOR UPDATE SKIP LOCKED)`

	beyondAddress = pushOut + `
				SELECT id
				  FROM authorize.transaction
				 WHERE address_block = @address_block AND hold = @hold
				 ORDER BY expire_time DESC
				OFFSET @keep` + pushOutEnd
	beyondAll = pushOut + `
				SELECT id
				  FROM authorize.transaction
				 WHERE hold = @hold
				 ORDER BY expire_time DESC
				OFFSET @keep
				 LIMIT 10000` + pushOutEnd
)

// Create implements transaction.Store.
func (s *Store) Create(ctx context.Context, t transaction.Transaction, lifetime time.Duration) error {
	encoded, err := t.Request.Marshal()
	if err != nil {
		return err
	}
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var from []byte
		if t.Pushed != (secret.Digest{}) {
			from = t.Pushed[:]
			if err := pushedpg.Take(ctx, tx, t.Pushed); err != nil {
				return err
			}
		}
		// One beyond the room for the others.
		_, err := tx.Exec(ctx, `WITH gone AS (`+beyondAddress+`)
			INSERT INTO authorize.transaction (id, binding, pushed, request, address_block, expire_time)
			VALUES (@id, @binding, @pushed, @request, @address_block, statement_timestamp() + @lifetime::interval)`,
			pgx.NamedArgs{
				"id": t.ID, "binding": t.Binding[:], "pushed": from, "request": encoded, "lifetime": lifetime,
				"address_block": t.AddressBlock, "hold": transaction.Begun, "keep": s.bounds.PerAddress - 1,
			})
		if err != nil {
			return fmt.Errorf("insert transaction: %w", err)
		}
		return nil
	})
	if err != nil || !s.bounds.Due(s.created.Add(1)) {
		return err
	}
	return s.trim(ctx)
}

// trim pushes out what is beyond the bounds in all.
func (s *Store) trim(ctx context.Context) error {
	for _, hold := range []transaction.Hold{transaction.Begun, transaction.Viewed} {
		if _, err := s.db.Exec(ctx, beyondAll, pgx.NamedArgs{"hold": hold, "keep": s.bounds.InAll}); err != nil {
			return fmt.Errorf("push out transactions: %w", err)
		}
	}
	return nil
}

// View implements transaction.Store.
func (s *Store) View(ctx context.Context, id string) error {
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var block *string // NULL of the release before this one
		err := tx.QueryRow(ctx, `
			UPDATE authorize.transaction
			   SET hold = 1
			 WHERE id = $1 AND hold = 0 AND expire_time > statement_timestamp()
			RETURNING address_block`, id).Scan(&block)
		switch {
		case errors.Is(err, pgx.ErrNoRows), err == nil && block == nil:
			return nil
		case err != nil:
			return fmt.Errorf("update transaction: %w", err)
		}
		_, err = tx.Exec(ctx, beyondAddress, pgx.NamedArgs{"address_block": *block, "hold": transaction.Viewed, "keep": s.bounds.PerAddress})
		if err != nil {
			return fmt.Errorf("push out transactions: %w", err)
		}
		return nil
	})
}

const columns = `id, binding, pushed, request, signed_in, chosen, left_behind, offered, shown, shown_client, address_block, hold`

// Find implements transaction.Store.
func (s *Store) Find(ctx context.Context, id string) (transaction.Transaction, error) {
	if err := transaction.CheckID(id); err != nil {
		return transaction.Transaction{}, err
	}
	return scan(s.db.QueryRow(ctx, `
		SELECT `+columns+`
		  FROM authorize.transaction
		 WHERE id = $1 AND expire_time > statement_timestamp()`, id))
}

// FindPushed implements transaction.Store.
func (s *Store) FindPushed(ctx context.Context, digest secret.Digest) (transaction.Transaction, error) {
	return scan(s.db.QueryRow(ctx, `
		SELECT `+columns+`
		  FROM authorize.transaction
		 WHERE pushed = $1 AND expire_time > statement_timestamp()`, digest[:]))
}

func scan(row pgx.Row) (t transaction.Transaction, err error) {
	var (
		binding, from, encoded, shownClient          []byte
		signedIn, chosen, leftBehind, offered, shown uuid.NullUUID
		block                                        *string
	)
	err = row.Scan(&t.ID, &binding, &from, &encoded, &signedIn, &chosen, &leftBehind, &offered, &shown, &shownClient, &block, &t.Hold)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return transaction.Transaction{}, transaction.ErrNotFound
	case err != nil:
		return transaction.Transaction{}, fmt.Errorf("select transaction: %w", err)
	}
	copy(t.Binding[:], binding)
	copy(t.Pushed[:], from)
	t.Stages = transaction.Stages{
		SignedIn: signedIn.UUID, Chosen: chosen.UUID, LeftBehind: leftBehind.UUID,
		Offered: offered.UUID, Shown: shown.UUID,
	}
	copy(t.ShownClient[:], shownClient)
	if block != nil {
		t.AddressBlock = *block
	}
	t.Request, err = authreq.Unmarshal(encoded)
	return t, err
}

// Note implements transaction.Store.
func (s *Store) Note(ctx context.Context, id string, stage transaction.Stage, in transaction.Seen) error {
	if err := transaction.CheckID(id); err != nil {
		return err
	}
	tag, err := s.db.Exec(ctx, `
		UPDATE authorize.transaction AS t
		   SET signed_in    = CASE $2::int WHEN 1 THEN $3::uuid ELSE signed_in END,
		       chosen       = CASE $2::int WHEN 2 THEN $3::uuid WHEN 3 THEN NULL ELSE chosen END,
		       left_behind  = CASE $2::int WHEN 3 THEN $3::uuid WHEN 2 THEN NULL ELSE left_behind END,
		       offered      = CASE $2::int WHEN 4 THEN $3::uuid ELSE offered END,
		       shown        = CASE $2::int WHEN 5 THEN $3::uuid ELSE shown END,
		       shown_client = CASE $2::int WHEN 5 THEN $4::bytea ELSE shown_client END,
		       hold         = CASE WHEN hold = 2 OR $5 > (
		           SELECT count(*)
		             FROM (SELECT FROM authorize.transaction AS held
		                    WHERE held.address_block = t.address_block AND held.hold = 2
		                    LIMIT $5) AS counted) THEN 2 ELSE 1 END
		 WHERE id = $1 AND expire_time > statement_timestamp()`, id, int(stage), in.Session, in.Client[:], s.bounds.PerAddress)
	if err != nil {
		return fmt.Errorf("update transaction: %w", err)
	}
	return found(tag.RowsAffected())
}

// Finish implements transaction.Store. The row lock of the DELETE is the gate:
// the second caller waits for the first, and finds nothing.
func (s *Store) Finish(ctx context.Context, id string) error {
	if err := transaction.CheckID(id); err != nil {
		return err
	}
	// A transaction of its own makes a commit of unknown outcome an error.
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			DELETE FROM authorize.transaction
			 WHERE id = $1 AND expire_time > statement_timestamp()`, id)
		if err != nil {
			return fmt.Errorf("delete transaction: %w", err)
		}
		return found(tag.RowsAffected())
	})
}

func found(rows int64) error {
	if rows == 0 {
		return transaction.ErrNotFound
	}
	return nil
}

// Sweeps implements transaction.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, transaction.Sweeps()...) }
