package key

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Store keeps keys. It is safe for concurrent use, across processes too.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store. keep is how long a restriction is kept.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db, keep} }

const (
	columns        = `purpose, generation, ciphertext, create_time, activate_time, expire_time`
	retiredColumns = `purpose, generation, key_id, create_time, activate_time, retire_time, expire_time`
)

// List returns every key. A key that is being retired is listed as one of both
// kinds, or as both: keys are read before retired keys, so that none is missed on its
// way from one to the other.
func (s *Store) List(ctx context.Context) (l Listing, err error) {
	l.Keys, err = database.Collect(ctx, s.db, scan, `SELECT `+columns+` FROM token.key ORDER BY purpose, generation`)
	if err != nil {
		return Listing{}, fmt.Errorf("select keys: %w", err)
	}
	l.Retired, err = database.Collect(ctx, s.db, scanRetired, `SELECT `+retiredColumns+` FROM token.retired_key ORDER BY purpose, generation`)
	if err != nil {
		return Listing{}, fmt.Errorf("select retired keys: %w", err)
	}
	if l.Time, err = s.db.Now(ctx); err != nil {
		return Listing{}, fmt.Errorf("select time: %w", err)
	}
	return l, nil
}

// Create adds the first key of a purpose, active at once. Of any number of
// callers exactly one succeeds. Fails with ErrExists.
func (s *Store) Create(ctx context.Context, p Purpose, id string, ciphertext []byte) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		inserted, err := tx.Exec(ctx, `
			INSERT INTO token.key (purpose, generation, ciphertext, create_time, activate_time)
			SELECT $1, 1, $2, statement_timestamp(), statement_timestamp()
			 WHERE NOT EXISTS (SELECT 1 FROM token.key WHERE purpose = $1)
			ON CONFLICT DO NOTHING`, p, ciphertext)
		if err != nil {
			return fmt.Errorf("insert key: %w", err)
		}
		if inserted == 0 {
			return ErrExists
		}
		return eventdb.Append(ctx, tx, created(Name{Purpose: p, Generation: 1, ID: id}))
	})
}

// Rotate adds all of next or none, and sets when their predecessors expire. Of
// any number of callers with one generation exactly one adds it. Those without
// a lead all succeed with what that one added: it is activated now if it is not
// yet, its predecessor expires so much earlier, and nothing is recorded, for
// there is no new key. Fails with ErrHasNext. The primary key is the gate: of two
// transactions with one generation the second waits for the first, and then inserts
// nothing. What it finds then, it may activate.
func (s *Store) Rotate(ctx context.Context, next ...Successor) (made []Stored, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
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

func rotate(ctx context.Context, tx *database.Tx, n Successor) (Stored, error) {
	k, err := scan(tx.QueryRow(ctx, `
		INSERT INTO token.key (purpose, generation, ciphertext, create_time, activate_time)
		SELECT $1, $2, $3, statement_timestamp(), statement_timestamp() + $4::interval
		 WHERE NOT EXISTS (SELECT 1 FROM token.key
		                    WHERE purpose = $1 AND (generation >= $2 OR activate_time > statement_timestamp()))
		ON CONFLICT DO NOTHING
		RETURNING `+columns, n.Purpose, n.Generation, n.Ciphertext, n.Lead))
	if errors.Is(err, database.ErrNoRows) {
		return activate(ctx, tx, n)
	}
	if err != nil {
		return Stored{}, fmt.Errorf("insert next key: %w", err)
	}
	if err := expirePredecessor(ctx, tx, n, k.ActivateTime); err != nil {
		return Stored{}, err
	}
	return k, eventdb.Append(ctx, tx, created(n.Name()))
}

// activate lets the newest key take over now, if that is what n is for. Other
// processes know the key for later, so they are woken.
func activate(ctx context.Context, tx *database.Tx, n Successor) (Stored, error) {
	if n.Lead > 0 {
		return Stored{}, ErrHasNext
	}
	k, err := scan(tx.QueryRow(ctx, `
		UPDATE token.key AS k
		   SET activate_time = least(activate_time, statement_timestamp())
		 WHERE purpose = $1 AND generation = $2
		   AND NOT EXISTS (SELECT 1 FROM token.key AS later
		                    WHERE later.purpose = k.purpose AND later.generation > k.generation)
		RETURNING `+columns, n.Purpose, n.Generation))
	if errors.Is(err, database.ErrNoRows) {
		return Stored{}, ErrHasNext
	}
	if err != nil {
		return Stored{}, fmt.Errorf("activate next key: %w", err)
	}
	tx.WakeAfterCommit()
	return k, expirePredecessor(ctx, tx, n, k.ActivateTime)
}

// expirePredecessor sets when the key that n takes over from expires. Those
// before it have their own time, from when they were in use.
func expirePredecessor(ctx context.Context, tx *database.Tx, n Successor, activateTime time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE token.key
		   SET expire_time = $3
		 WHERE purpose = $1
		   AND generation = (SELECT max(generation) FROM token.key WHERE purpose = $1 AND generation < $2)`,
		n.Purpose, n.Generation, activateTime.Add(n.Life))
	if err != nil {
		return fmt.Errorf("set expiry of predecessor: %w", err)
	}
	return nil
}

// Retire ends a key that has an active successor, erases its secret part, and
// logs restrictions in the same transaction. Doing it twice is no error. Fails
// with ErrNotFound, ErrInUse. A key that has an active successor keeps it: that
// one cannot be retired without a successor of its own.
func (s *Store) Retire(ctx context.Context, n Name, restrictions ...coherent.Restriction) (retired Retired, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		if retired, err = retire(ctx, tx, n); err != nil {
			return err
		}
		return coherentdb.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return Retired{}, err
	}
	return retired, nil
}

func retire(ctx context.Context, tx *database.Tx, n Name) (Retired, error) {
	var gone Stored
	err := tx.QueryRow(ctx, `
		DELETE FROM token.key AS k
		 WHERE purpose = $1 AND generation = $2
		   AND EXISTS (SELECT 1 FROM token.key AS later
		                WHERE later.purpose = k.purpose AND later.generation > k.generation
		                  AND later.activate_time <= statement_timestamp())
		RETURNING create_time, activate_time, expire_time`, n.Purpose, n.Generation).
		Scan(&gone.CreateTime, &gone.ActivateTime, &gone.ExpireTime)
	if errors.Is(err, database.ErrNoRows) {
		return retiredBefore(ctx, tx, n)
	}
	if err != nil {
		return Retired{}, fmt.Errorf("delete key: %w", err)
	}
	retired, err := scanRetired(tx.QueryRow(ctx, `
		INSERT INTO token.retired_key (purpose, generation, key_id, create_time, activate_time, retire_time, expire_time)
		VALUES ($1, $2, $3, $4, $5, statement_timestamp(), $6)
		RETURNING `+retiredColumns, n.Purpose, n.Generation, n.ID, gone.CreateTime, gone.ActivateTime, gone.ExpireTime))
	if err != nil {
		return Retired{}, err
	}
	return retired, eventdb.Append(ctx, tx, ended(n))
}

// retiredBefore returns a key that was retired, and says why another one was not.
func retiredBefore(ctx context.Context, tx *database.Tx, n Name) (Retired, error) {
	inUse, err := database.Scan[bool](tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT 1 FROM token.key WHERE purpose = $1 AND generation = $2)`, n.Purpose, n.Generation))
	if err != nil {
		return Retired{}, fmt.Errorf("select key: %w", err)
	}
	if inUse {
		return Retired{}, ErrInUse
	}
	retired, err := scanRetired(tx.QueryRow(ctx, `
		SELECT `+retiredColumns+` FROM token.retired_key WHERE purpose = $1 AND generation = $2`, n.Purpose, n.Generation))
	if errors.Is(err, database.ErrNoRows) {
		return Retired{}, ErrNotFound
	}
	return retired, err
}

// Sweeps returns the keys that have expired, for deletion: nothing made with them
// can be alive.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db,
		sweep.Rule{Table: "token.retired_key", Key: "purpose, generation", Due: "expire_time"},
		sweep.Rule{Table: "token.key", Key: "purpose, generation", Due: "expire_time"})
}

// scan reads columns.
func scan(row database.Row) (k Stored, err error) {
	err = row.Scan(&k.Purpose, &k.Generation, &k.Ciphertext, &k.CreateTime, &k.ActivateTime, database.Null(&k.ExpireTime))
	return k, err
}

// scanRetired reads retiredColumns.
func scanRetired(row database.Row) (r Retired, err error) {
	err = row.Scan(&r.Purpose, &r.Generation, &r.ID, &r.CreateTime, &r.ActivateTime, &r.RetireTime, &r.ExpireTime)
	if err != nil {
		return Retired{}, fmt.Errorf("scan retired key: %w", err)
	}
	return r, nil
}
