// Package keysqlite keeps keys in SQLite.
package keysqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/token/internal/key"
)

// Store implements key.Store.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store. keep is how long a restriction is kept.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db, keep} }

const (
	columns        = `purpose, generation, ciphertext, create_time, activate_time, expire_time`
	retiredColumns = `purpose, generation, key_id, create_time, activate_time, retire_time, expire_time`
)

// List implements key.Store. Keys are read before retired keys, so that none is
// missed on its way from one to the other.
func (s *Store) List(ctx context.Context) (l key.Listing, err error) {
	l.Keys, err = collect(ctx, s.db, scan, `SELECT `+columns+` FROM token_key ORDER BY purpose, generation`)
	if err != nil {
		return key.Listing{}, err
	}
	l.Retired, err = collect(ctx, s.db, scanRetired, `SELECT `+retiredColumns+` FROM token_retired_key ORDER BY purpose, generation`)
	if err != nil {
		return key.Listing{}, err
	}
	var now int64
	if err := s.db.Read().QueryRowContext(ctx, `SELECT `+sqlite.NowMicros).Scan(&now); err != nil {
		return key.Listing{}, fmt.Errorf("select time: %w", err)
	}
	l.Time = sqlite.FromTime(now)
	return l, nil
}

func collect[T any](ctx context.Context, db *sqlite.DB, scan func(row) (T, error), query string) (list []T, err error) {
	rows, err := db.Read().QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("select keys: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	for rows.Next() {
		each, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, each)
	}
	return list, rows.Err()
}

const insertFirst = `
	INSERT INTO token_key (purpose, generation, ciphertext, create_time, activate_time)
	SELECT ?1, 1, ?2, ` + sqlite.NowMicros + `, ` + sqlite.NowMicros + `
	 WHERE NOT EXISTS (SELECT 1 FROM token_key WHERE purpose = ?1)`

// Create implements key.Store.
func (s *Store) Create(ctx context.Context, p key.Purpose, id string, ciphertext []byte) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, insertFirst, p, ciphertext)
		if err != nil {
			return fmt.Errorf("insert key: %w", err)
		}
		inserted, err := result.RowsAffected()
		if err != nil {
			return fmt.Errorf("insert key: %w", err)
		}
		if inserted == 0 {
			return key.ErrExists
		}
		return eventsqlite.Append(ctx, tx, key.Created(key.Name{Purpose: p, Generation: 1, ID: id}))
	})
}

// Rotate implements key.Store. Writers take turns: the second of two with one
// generation finds it there, and may activate it.
func (s *Store) Rotate(ctx context.Context, next ...key.Successor) (made []key.Stored, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
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

func rotate(ctx context.Context, tx *sql.Tx, n key.Successor) (key.Stored, error) {
	k, err := scan(tx.QueryRowContext(ctx, `
		INSERT INTO token_key (purpose, generation, ciphertext, create_time, activate_time)
		SELECT ?1, ?2, ?3, `+sqlite.NowMicros+`, `+sqlite.NowMicros+` + ?4
		 WHERE NOT EXISTS (SELECT 1 FROM token_key
		                    WHERE purpose = ?1 AND (generation >= ?2 OR activate_time > `+sqlite.NowMicros+`))
		RETURNING `+columns, n.Purpose, n.Generation, n.Ciphertext, n.Lead.Microseconds()))
	if errors.Is(err, sql.ErrNoRows) {
		return activate(ctx, tx, n)
	}
	if err != nil {
		return key.Stored{}, fmt.Errorf("insert next key: %w", err)
	}
	if err := expirePredecessor(ctx, tx, n, k.ActivateTime); err != nil {
		return key.Stored{}, err
	}
	return k, eventsqlite.Append(ctx, tx, key.Created(n.Name()))
}

// activate lets the newest key take over now, if that is what n is for.
func activate(ctx context.Context, tx *sql.Tx, n key.Successor) (key.Stored, error) {
	if n.Lead > 0 {
		return key.Stored{}, key.ErrHasNext
	}
	k, err := scan(tx.QueryRowContext(ctx, `
		UPDATE token_key AS k
		   SET activate_time = min(activate_time, `+sqlite.NowMicros+`)
		 WHERE purpose = ?1 AND generation = ?2
		   AND NOT EXISTS (SELECT 1 FROM token_key AS later
		                    WHERE later.purpose = k.purpose AND later.generation > k.generation)
		RETURNING `+columns, n.Purpose, n.Generation))
	if errors.Is(err, sql.ErrNoRows) {
		return key.Stored{}, key.ErrHasNext
	}
	if err != nil {
		return key.Stored{}, fmt.Errorf("activate next key: %w", err)
	}
	return k, expirePredecessor(ctx, tx, n, k.ActivateTime)
}

// expirePredecessor sets when the key that n takes over from expires. Those
// before it have their own time, from when they were in use.
func expirePredecessor(ctx context.Context, tx *sql.Tx, n key.Successor, activateTime time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE token_key
		   SET expire_time = ?3
		 WHERE purpose = ?1
		   AND generation = (SELECT max(generation) FROM token_key WHERE purpose = ?1 AND generation < ?2)`,
		n.Purpose, n.Generation, sqlite.Time(activateTime.Add(n.Life)))
	if err != nil {
		return fmt.Errorf("set expiry of predecessor: %w", err)
	}
	return nil
}

// Retire implements key.Store. A key that has an active successor keeps it: that
// one cannot be retired without a successor of its own.
func (s *Store) Retire(ctx context.Context, n key.Name, restrictions ...coherent.Restriction) (retired key.Retired, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		if retired, err = retire(ctx, tx, n); err != nil {
			return err
		}
		return coherentsqlite.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return key.Retired{}, err
	}
	return retired, nil
}

const retireStatement = `
	INSERT INTO token_retired_key (` + retiredColumns + `)
	SELECT purpose, generation, ?3, create_time, activate_time, ` + sqlite.NowMicros + `, expire_time
	  FROM token_key AS k
	 WHERE purpose = ?1 AND generation = ?2
	   AND EXISTS (SELECT 1 FROM token_key AS later
	                WHERE later.purpose = k.purpose AND later.generation > k.generation
	                  AND later.activate_time <= ` + sqlite.NowMicros + `)`

func retire(ctx context.Context, tx *sql.Tx, n key.Name) (key.Retired, error) {
	_, err := tx.ExecContext(ctx, retireStatement, n.Purpose, n.Generation, n.ID)
	if err != nil {
		return key.Retired{}, fmt.Errorf("insert retired key: %w", err)
	}
	retired, err := scanRetired(tx.QueryRowContext(ctx, `
		SELECT `+retiredColumns+` FROM token_retired_key WHERE purpose = ?1 AND generation = ?2`, n.Purpose, n.Generation))
	if errors.Is(err, sql.ErrNoRows) {
		return key.Retired{}, unretired(ctx, tx, n)
	}
	if err != nil {
		return key.Retired{}, err
	}
	result, err := tx.ExecContext(ctx, `DELETE FROM token_key WHERE purpose = ?1 AND generation = ?2`, n.Purpose, n.Generation)
	if err != nil {
		return key.Retired{}, fmt.Errorf("delete key: %w", err)
	}
	if deleted, err := result.RowsAffected(); err != nil || deleted == 0 {
		return retired, err // it was retired before
	}
	return retired, eventsqlite.Append(ctx, tx, key.Ended(n))
}

// unretired says why a key was not retired.
func unretired(ctx context.Context, tx *sql.Tx, n key.Name) error {
	var inUse bool
	err := tx.QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM token_key WHERE purpose = ?1 AND generation = ?2)`, n.Purpose, n.Generation).Scan(&inUse)
	switch {
	case err != nil:
		return fmt.Errorf("select key: %w", err)
	case inUse:
		return key.ErrInUse
	default:
		return key.ErrNotFound
	}
}

// Sweeps implements key.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, key.Sweeps()...) }

// row is one row, of a query for one or for many.
type row interface{ Scan(into ...any) error }

// scan reads columns.
func scan(row row) (key.Stored, error) {
	var k key.Stored
	var createTime, activateTime int64
	var expireTime sql.NullInt64
	if err := row.Scan(&k.Purpose, &k.Generation, &k.Ciphertext, &createTime, &activateTime, &expireTime); err != nil {
		return key.Stored{}, fmt.Errorf("scan key: %w", err)
	}
	k.CreateTime, k.ActivateTime = sqlite.FromTime(createTime), sqlite.FromTime(activateTime)
	if expireTime.Valid {
		k.ExpireTime = sqlite.FromTime(expireTime.Int64)
	}
	return k, nil
}

// scanRetired reads retiredColumns.
func scanRetired(row row) (key.Retired, error) {
	var r key.Retired
	var createTime, activateTime, retireTime, expireTime int64
	err := row.Scan(&r.Purpose, &r.Generation, &r.ID, &createTime, &activateTime, &retireTime, &expireTime)
	if err != nil {
		return key.Retired{}, fmt.Errorf("scan retired key: %w", err)
	}
	r.CreateTime, r.ActivateTime = sqlite.FromTime(createTime), sqlite.FromTime(activateTime)
	r.RetireTime, r.ExpireTime = sqlite.FromTime(retireTime), sqlite.FromTime(expireTime)
	return r, nil
}
