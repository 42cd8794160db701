// Package transactionsqlite keeps pending authorizations in SQLite.
package transactionsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedsqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

var _ transaction.Store = (*Store)(nil)

// Store implements transaction.Store.
type Store struct{ db *sqlite.DB }

// New returns a store on db, which must be migrated.
func New(db *sqlite.DB) *Store { return &Store{db} }

const insert = `
	INSERT INTO authorize_transaction (id, binding, pushed, request, expire_time)
	VALUES (?1, ?2, ?3, ?4, ` + sqlite.NowMicros + ` + ?5)`

// Create implements transaction.Store.
func (s *Store) Create(ctx context.Context, t transaction.Transaction, lifetime time.Duration) error {
	encoded, err := t.Request.Marshal()
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		var from []byte
		if t.Pushed != (secret.Digest{}) {
			from = t.Pushed[:]
			if err := pushedsqlite.Take(ctx, tx, t.Pushed); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, insert,
			t.ID, t.Binding[:], from, string(encoded), lifetime.Microseconds())
		if err != nil {
			return fmt.Errorf("insert transaction: %w", err)
		}
		return nil
	})
}

const columns = `id, binding, pushed, request, signed_in, chosen, left_behind, offered, shown, shown_client`

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
	err = row.Scan(&t.ID, &binding, &from, &encoded, &signedIn, &chosen, &leftBehind, &offered, &shown, &shownClient)
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
		UPDATE authorize_transaction
		   SET signed_in    = CASE ?2 WHEN 1 THEN ?3 ELSE signed_in END,
		       chosen       = CASE ?2 WHEN 2 THEN ?3 WHEN 3 THEN NULL ELSE chosen END,
		       left_behind  = CASE ?2 WHEN 3 THEN ?3 WHEN 2 THEN NULL ELSE left_behind END,
		       offered      = CASE ?2 WHEN 4 THEN ?3 ELSE offered END,
		       shown        = CASE ?2 WHEN 5 THEN ?3 ELSE shown END,
		       shown_client = CASE ?2 WHEN 5 THEN ?4 ELSE shown_client END
		 WHERE id = ?1 AND expire_time > `+sqlite.NowMicros, id, int(stage), in.Session[:], in.Client[:]))
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

// Sweep implements transaction.Store.
func (s *Store) Sweep(ctx context.Context) error {
	_, err := s.db.Write().ExecContext(ctx, `DELETE FROM authorize_transaction WHERE expire_time <= `+sqlite.NowMicros)
	if err != nil {
		return fmt.Errorf("sweep transactions: %w", err)
	}
	return nil
}
