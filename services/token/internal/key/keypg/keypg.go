// Package keypg keeps keys in Postgres.
package keypg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/token/internal/key"
)

// Store implements key.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store. keep is how long a restriction is kept.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db, keep} }

const (
	columns        = `purpose, generation, ciphertext, create_time, activate_time, expire_time`
	retiredColumns = `purpose, generation, key_id, create_time, activate_time, retire_time, expire_time`
)

// List implements key.Store. Keys are read before retired keys, so that none is
// missed on its way from one to the other.
func (s *Store) List(ctx context.Context) (key.Listing, error) {
	var batch pgx.Batch
	var l key.Listing
	batch.Queue(`SELECT ` + columns + ` FROM token.key ORDER BY purpose, generation`).Query(func(rows pgx.Rows) (err error) {
		l.Keys, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (key.Stored, error) { return scan(row) })
		return err
	})
	batch.Queue(`SELECT ` + retiredColumns + ` FROM token.retired_key ORDER BY purpose, generation`).Query(func(rows pgx.Rows) (err error) {
		l.Retired, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (key.Retired, error) { return scanRetired(row) })
		return err
	})
	batch.Queue(`SELECT statement_timestamp()`).QueryRow(func(row pgx.Row) error { return row.Scan(&l.Time) })
	if err := s.db.SendBatch(ctx, &batch).Close(); err != nil {
		return key.Listing{}, fmt.Errorf("select keys: %w", err)
	}
	return l, nil
}

// Create implements key.Store.
func (s *Store) Create(ctx context.Context, p key.Purpose, id string, ciphertext []byte) error {
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO token.key (purpose, generation, ciphertext)
			SELECT $1, 1, $2
			 WHERE NOT EXISTS (SELECT FROM token.key WHERE purpose = $1)
			ON CONFLICT DO NOTHING`, p, ciphertext)
		if err != nil {
			return fmt.Errorf("insert key: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return key.ErrExists
		}
		return eventpg.Append(ctx, tx, key.Created(key.Name{Purpose: p, Generation: 1, ID: id}))
	})
}

// Rotate implements key.Store. The primary key is the gate: of two transactions
// with one generation the second waits for the first, and then inserts nothing.
// What it finds then, it may activate.
func (s *Store) Rotate(ctx context.Context, next ...key.Successor) (made []key.Stored, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		made = nil
		for _, n := range next {
			k, err := rotate(ctx, tx, n)
			if err != nil {
				return err
			}
			made = append(made, k)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func rotate(ctx context.Context, tx pgx.Tx, n key.Successor) (key.Stored, error) {
	k, err := scan(tx.QueryRow(ctx, `
		INSERT INTO token.key (purpose, generation, ciphertext, activate_time)
		SELECT $1, $2, $3, statement_timestamp() + $4::interval
		 WHERE NOT EXISTS (SELECT FROM token.key
		                    WHERE purpose = $1 AND (generation >= $2 OR activate_time > statement_timestamp()))
		ON CONFLICT DO NOTHING
		RETURNING `+columns, n.Purpose, n.Generation, n.Ciphertext, n.Lead))
	if errors.Is(err, pgx.ErrNoRows) {
		return activate(ctx, tx, n)
	}
	if err != nil {
		return key.Stored{}, fmt.Errorf("insert next key: %w", err)
	}
	if err := expirePredecessor(ctx, tx, n, k.ActivateTime); err != nil {
		return key.Stored{}, err
	}
	return k, eventpg.Append(ctx, tx, key.Created(n.Name()))
}

// activate lets the newest key take over now, if that is what n is for. Other
// processes know the key for later, so they are woken.
func activate(ctx context.Context, tx pgx.Tx, n key.Successor) (key.Stored, error) {
	if n.Lead > 0 {
		return key.Stored{}, key.ErrHasNext
	}
	k, err := scan(tx.QueryRow(ctx, `
		UPDATE token.key AS k
		   SET activate_time = least(activate_time, statement_timestamp())
		 WHERE purpose = $1 AND generation = $2
		   AND NOT EXISTS (SELECT FROM token.key AS later
		                    WHERE later.purpose = k.purpose AND later.generation > k.generation)
		RETURNING `+columns, n.Purpose, n.Generation))
	if errors.Is(err, pgx.ErrNoRows) {
		return key.Stored{}, key.ErrHasNext
	}
	if err != nil {
		return key.Stored{}, fmt.Errorf("activate next key: %w", err)
	}
	pg.WakeAfterCommit(tx.Conn())
	return k, expirePredecessor(ctx, tx, n, k.ActivateTime)
}

// expirePredecessor sets when the key that n takes over from expires. Those
// before it have their own time, from when they were in use.
func expirePredecessor(ctx context.Context, tx pgx.Tx, n key.Successor, activateTime time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE token.key
		   SET expire_time = $3::timestamptz + $4::interval
		 WHERE purpose = $1
		   AND generation = (SELECT max(generation) FROM token.key WHERE purpose = $1 AND generation < $2)`,
		n.Purpose, n.Generation, activateTime, n.Life)
	if err != nil {
		return fmt.Errorf("set expiry of predecessor: %w", err)
	}
	return nil
}

// Retire implements key.Store. A key that has an active successor keeps it: that
// one cannot be retired without a successor of its own.
func (s *Store) Retire(ctx context.Context, n key.Name, restrictions ...coherent.Restriction) (retired key.Retired, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		if retired, err = retire(ctx, tx, n); err != nil {
			return err
		}
		return coherentpg.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return key.Retired{}, err
	}
	return retired, nil
}

func retire(ctx context.Context, tx pgx.Tx, n key.Name) (key.Retired, error) {
	retired, err := scanRetired(tx.QueryRow(ctx, `
		WITH gone AS (
			DELETE FROM token.key AS k
			 WHERE purpose = $1 AND generation = $2
			   AND EXISTS (SELECT FROM token.key AS later
			                WHERE later.purpose = k.purpose AND later.generation > k.generation
			                  AND later.activate_time <= statement_timestamp())
			RETURNING create_time, activate_time, expire_time
		)
		INSERT INTO token.retired_key (purpose, generation, key_id, create_time, activate_time, expire_time)
		SELECT $1, $2, $3, create_time, activate_time, expire_time FROM gone
		RETURNING `+retiredColumns, n.Purpose, n.Generation, n.ID))
	if err == nil {
		return retired, eventpg.Append(ctx, tx, key.Ended(n))
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return key.Retired{}, err
	}
	var inUse bool
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM token.key WHERE purpose = $1 AND generation = $2)`, n.Purpose, n.Generation).Scan(&inUse)
	if err != nil {
		return key.Retired{}, fmt.Errorf("select key: %w", err)
	}
	if inUse {
		return key.Retired{}, key.ErrInUse
	}
	retired, err = scanRetired(tx.QueryRow(ctx, `
		SELECT `+retiredColumns+` FROM token.retired_key WHERE purpose = $1 AND generation = $2`, n.Purpose, n.Generation))
	if errors.Is(err, pgx.ErrNoRows) {
		return key.Retired{}, key.ErrNotFound
	}
	return retired, err
}

// Sweeps implements key.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, key.Sweeps()...) }

// scan reads columns.
func scan(row pgx.Row) (key.Stored, error) {
	var k key.Stored
	var expireTime *time.Time
	if err := row.Scan(&k.Purpose, &k.Generation, &k.Ciphertext, &k.CreateTime, &k.ActivateTime, &expireTime); err != nil {
		return key.Stored{}, fmt.Errorf("scan key: %w", err)
	}
	if expireTime != nil {
		k.ExpireTime = *expireTime
	}
	return k, nil
}

// scanRetired reads retiredColumns.
func scanRetired(row pgx.Row) (key.Retired, error) {
	var r key.Retired
	err := row.Scan(&r.Purpose, &r.Generation, &r.ID, &r.CreateTime, &r.ActivateTime, &r.RetireTime, &r.ExpireTime)
	if err != nil {
		return key.Retired{}, fmt.Errorf("scan retired key: %w", err)
	}
	return r, nil
}
