// Package transactionsqlite keeps pending authorizations in SQLite.
package transactionsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedsqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

var _ transaction.Store = (*Store)(nil)

// Store implements transaction.Store.
type Store struct {
	db      *sqlite.DB
	bounds  transaction.Bounds
	created atomic.Int64
}

// New returns a store on db, which must be migrated.
func New(db *sqlite.DB, b transaction.Bounds) *Store { return &Store{db: db, bounds: b} }

const insert = `
	INSERT INTO authorize_transaction (id, binding, pushed, request, address_block, expire_time)
	VALUES (?1, ?2, ?3, ?4, ?5, ` + sqlite.NowMicros + ` + ?6)`

// Statements that push out what is beyond a bound: of an address, or in all. A row
// that is Begun and has a stage was noted by the release before this one.
const (
	untouched = `
	   AND (hold > 0 OR COALESCE(signed_in, chosen, left_behind, offered, shown) IS NULL)`

	beyondAddress = `
	DELETE FROM authorize_transaction
	 WHERE id IN (
		SELECT id
		  FROM authorize_transaction
		 WHERE address_block = ?1 AND hold = ?2
		 ORDER BY expire_time DESC
		 LIMIT -1 OFFSET ?3)` + untouched
	beyondAll = `
	DELETE FROM authorize_transaction
	 WHERE id IN (
		SELECT id
		  FROM authorize_transaction
		 WHERE hold = ?1
		 ORDER BY expire_time DESC
		 LIMIT 10000 OFFSET ?2)` + untouched
)

// Create implements transaction.Store.
func (s *Store) Create(ctx context.Context, t transaction.Transaction, lifetime time.Duration) error {
	encoded, err := t.Request.Marshal()
	if err != nil {
		return err
	}
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		var from []byte
		if t.Pushed != (secret.Digest{}) {
			from = t.Pushed[:]
			if err := pushedsqlite.Take(ctx, tx, t.Pushed); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, insert,
			t.ID, t.Binding[:], from, string(encoded), t.AddressBlock, lifetime.Microseconds())
		if err != nil {
			return fmt.Errorf("insert transaction: %w", err)
		}
		return s.pushOut(ctx, tx, t.AddressBlock, transaction.Begun)
	})
	if err != nil || !s.bounds.Due(s.created.Add(1)) {
		return err
	}
	return s.trim(ctx)
}

func (s *Store) pushOut(ctx context.Context, tx *sql.Tx, block string, hold transaction.Hold) error {
	if _, err := tx.ExecContext(ctx, beyondAddress, block, hold, s.bounds.PerAddress); err != nil {
		return fmt.Errorf("push out transactions: %w", err)
	}
	return nil
}

// trim pushes out what is beyond the bounds in all.
func (s *Store) trim(ctx context.Context) error {
	for _, hold := range []transaction.Hold{transaction.Begun, transaction.Viewed} {
		if _, err := s.db.Write().ExecContext(ctx, beyondAll, hold, s.bounds.InAll); err != nil {
			return fmt.Errorf("push out transactions: %w", err)
		}
	}
	return nil
}

// View implements transaction.Store.
func (s *Store) View(ctx context.Context, id string) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		var block sql.NullString // NULL of the release before this one
		err := tx.QueryRowContext(ctx, `
			UPDATE authorize_transaction
			   SET hold = 1
			 WHERE id = ?1 AND hold = 0 AND expire_time > `+sqlite.NowMicros+`
			RETURNING address_block`, id).Scan(&block)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && !block.Valid:
			return nil
		case err != nil:
			return fmt.Errorf("update transaction: %w", err)
		}
		return s.pushOut(ctx, tx, block.String, transaction.Viewed)
	})
}

const columns = `id, binding, pushed, request, signed_in, chosen, left_behind, offered, shown, shown_client, COALESCE(address_block, ''), hold`

// Find implements transaction.Store.
func (s *Store) Find(ctx context.Context, id string) (transaction.Transaction, error) {
	if err := transaction.CheckID(id); err != nil {
		return transaction.Transaction{}, err
	}
	return scan(s.db.Read().QueryRowContext(ctx, `
		SELECT `+columns+`
		  FROM authorize_transaction
		 WHERE id = ?1 AND expire_time > `+sqlite.NowMicros, id))
}

// FindPushed implements transaction.Store.
func (s *Store) FindPushed(ctx context.Context, digest secret.Digest) (transaction.Transaction, error) {
	return scan(s.db.Read().QueryRowContext(ctx, `
		SELECT `+columns+`
		  FROM authorize_transaction
		 WHERE pushed = ?1 AND expire_time > `+sqlite.NowMicros, digest[:]))
}

func scan(row *sql.Row) (t transaction.Transaction, err error) {
	var (
		binding, from, encoded, shownClient          []byte
		signedIn, chosen, leftBehind, offered, shown []byte
	)
	err = row.Scan(&t.ID, &binding, &from, &encoded, &signedIn, &chosen, &leftBehind, &offered, &shown, &shownClient, &t.AddressBlock, &t.Hold)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return transaction.Transaction{}, transaction.ErrNotFound
	case err != nil:
		return transaction.Transaction{}, fmt.Errorf("select transaction: %w", err)
	}
	copy(t.Binding[:], binding)
	copy(t.Pushed[:], from)
	// A NULL copies nothing, and leaves the id of no session.
	copy(t.SignedIn[:], signedIn)
	copy(t.Chosen[:], chosen)
	copy(t.LeftBehind[:], leftBehind)
	copy(t.Offered[:], offered)
	copy(t.Shown[:], shown)
	copy(t.ShownClient[:], shownClient)
	t.Request, err = authreq.Unmarshal(encoded)
	return t, err
}

// Note implements transaction.Store.
func (s *Store) Note(ctx context.Context, id string, stage transaction.Stage, in transaction.Seen) error {
	return found(s.db.Write().ExecContext(ctx, `
		UPDATE authorize_transaction AS t
		   SET signed_in    = CASE ?2 WHEN 1 THEN ?3 ELSE signed_in END,
		       chosen       = CASE ?2 WHEN 2 THEN ?3 WHEN 3 THEN NULL ELSE chosen END,
		       left_behind  = CASE ?2 WHEN 3 THEN ?3 WHEN 2 THEN NULL ELSE left_behind END,
		       offered      = CASE ?2 WHEN 4 THEN ?3 ELSE offered END,
		       shown        = CASE ?2 WHEN 5 THEN ?3 ELSE shown END,
		       shown_client = CASE ?2 WHEN 5 THEN ?4 ELSE shown_client END,
		       hold         = CASE WHEN hold = 2 OR ?5 > (
		           SELECT count(*)
		             FROM (SELECT 1 FROM authorize_transaction AS held
		                    WHERE held.address_block = t.address_block AND held.hold = 2
		                    LIMIT ?5)) THEN 2 ELSE 1 END
		 WHERE id = ?1 AND expire_time > `+sqlite.NowMicros, id, int(stage), in.Session[:], in.Client[:], s.bounds.PerAddress))
}

// Finish implements transaction.Store. Write transactions run one after another,
// so that the second caller finds nothing.
func (s *Store) Finish(ctx context.Context, id string) error {
	return found(s.db.Write().ExecContext(ctx, `
		DELETE FROM authorize_transaction
		 WHERE id = ?1 AND expire_time > `+sqlite.NowMicros, id))
}

// found says whether a statement met its one row.
func found(r sql.Result, err error) error {
	if err != nil {
		return fmt.Errorf("change transaction: %w", err)
	}
	rows, err := r.RowsAffected()
	switch {
	case err != nil:
		return fmt.Errorf("change transaction: %w", err)
	case rows == 0:
		return transaction.ErrNotFound
	}
	return nil
}

// Sweeps implements transaction.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, transaction.Sweeps()...) }
