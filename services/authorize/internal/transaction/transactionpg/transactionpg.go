// Package transactionpg keeps pending authorizations in Postgres.
package transactionpg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedpg"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

var _ transaction.Store = (*Store)(nil)

// Store implements transaction.Store.
type Store struct{ db *pgxpool.Pool }

// New returns a store on db, which must be migrated.
func New(db *pgxpool.Pool) *Store { return &Store{db} }

// Create implements transaction.Store.
func (s *Store) Create(ctx context.Context, t transaction.Transaction, lifetime time.Duration) error {
	encoded, err := t.Request.Marshal()
	if err != nil {
		return err
	}
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var from []byte
		if t.Pushed != (secret.Digest{}) {
			from = t.Pushed[:]
			if err := pushedpg.Take(ctx, tx, t.Pushed); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO authorize.transaction (id, binding, pushed, request, expire_time)
			VALUES ($1, $2, $3, $4, statement_timestamp() + $5::interval)`,
			t.ID, t.Binding[:], from, encoded, lifetime)
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
	)
	err = row.Scan(&t.ID, &binding, &from, &encoded, &signedIn, &chosen, &leftBehind, &offered, &shown, &shownClient)
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
	t.Request, err = authreq.Unmarshal(encoded)
	return t, err
}

// Note implements transaction.Store.
func (s *Store) Note(ctx context.Context, id string, stage transaction.Stage, in transaction.Seen) error {
	if err := transaction.CheckID(id); err != nil {
		return err
	}
	tag, err := s.db.Exec(ctx, `
		UPDATE authorize.transaction
		   SET signed_in    = CASE $2::int WHEN 1 THEN $3::uuid ELSE signed_in END,
		       chosen       = CASE $2::int WHEN 2 THEN $3::uuid WHEN 3 THEN NULL ELSE chosen END,
		       left_behind  = CASE $2::int WHEN 3 THEN $3::uuid WHEN 2 THEN NULL ELSE left_behind END,
		       offered      = CASE $2::int WHEN 4 THEN $3::uuid ELSE offered END,
		       shown        = CASE $2::int WHEN 5 THEN $3::uuid ELSE shown END,
		       shown_client = CASE $2::int WHEN 5 THEN $4::bytea ELSE shown_client END
		 WHERE id = $1 AND expire_time > statement_timestamp()`, id, int(stage), in.Session, in.Client[:])
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

// Sweep implements transaction.Store.
func (s *Store) Sweep(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `DELETE FROM authorize.transaction WHERE expire_time <= statement_timestamp()`)
	if err != nil {
		return fmt.Errorf("sweep transactions: %w", err)
	}
	return nil
}
