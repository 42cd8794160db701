package attempt

import (
	"context"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Store counts attempts. It is safe for concurrent use, across
// processes too.
type Store struct{ db *database.DB }

// NewStore returns a store on db, which must be migrated.
func NewStore(db *database.DB) *Store { return &Store{db} }

// errFull undoes what was counted.
var errFull = errors.New("an attempt is beyond its limit")

// Take counts an attempt for every key, and returns its numbers in the order of
// counts. It counts for none if a number is beyond its limit. The first attempt
// after the end of a window opens another. Of any number of callers each gets
// numbers of its own. Keys differ. The row locks of the upsert give each caller
// numbers of its own; all callers take them in one order.
func (s *Store) Take(ctx context.Context, counts ...Count) ([]Taken, error) {
	var taken []Taken
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
		keys, windows := columns(counts)
		var err error
		taken, err = collect(ctx, tx, counts, `
			INSERT INTO directory.attempt AS a (key, number, expire_time)`+tx.Either(countedPostgres, countedSQLite)+`
			ON CONFLICT (key) DO UPDATE
			   SET number      = CASE WHEN a.expire_time <= statement_timestamp() THEN 1 ELSE a.number + 1 END,
			       expire_time = CASE WHEN a.expire_time <= statement_timestamp() THEN excluded.expire_time ELSE a.expire_time END
			RETURNING key, number, expire_time - statement_timestamp()`, keys, windows)
		if err != nil {
			return err
		}
		for i, t := range taken {
			if t.Number > counts[i].Attempts {
				return errFull
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFull) {
		return nil, fmt.Errorf("upsert attempts: %w", err)
	}
	return taken, nil
}

// The rows of attempts that are the first of their windows.
const (
	countedPostgres = `
			SELECT key, 1, statement_timestamp() + length * interval '1 microsecond'
			  FROM unnest($1::bytea[], $2::bigint[]) AS counted (key, length)
			 ORDER BY key`
	countedSQLite = `
			SELECT unhex(k.value), 1, statement_timestamp() + l.value
			  FROM json_each($1) AS k
			  JOIN json_each($2) AS l ON l.key = k.key
			 WHERE true`
)

// Look returns what Take would, and counts nothing.
func (s *Store) Look(ctx context.Context, counts ...Count) ([]Taken, error) {
	keys, _ := columns(counts)
	taken, err := collect(ctx, s.db, counts, `
		SELECT key, number + 1, expire_time - statement_timestamp()
		  FROM directory.attempt
		 WHERE key = ANY ($1::bytea[]) AND expire_time > statement_timestamp()`, keys)
	if err != nil {
		return nil, fmt.Errorf("select attempts: %w", err)
	}
	return taken, nil
}

func columns(counts []Count) (keys [][]byte, windows []int64) {
	for _, c := range counts {
		keys, windows = append(keys, c.Key[:]), append(windows, c.Window.Microseconds())
	}
	return keys, windows
}

// collect returns what a statement says of counts, in their order. A count without a
// row has no attempt yet.
func collect(ctx context.Context, c database.Conn, counts []Count, text string, args ...any) ([]Taken, error) {
	found := make(map[Key]Taken, len(counts))
	err := c.Each(ctx, func(row database.Row) error {
		var key []byte
		var t Taken
		if err := row.Scan(&key, &t.Number, &t.RetryAfter); err != nil {
			return err
		}
		found[Key(key)] = t
		return nil
	}, text, args...)
	if err != nil {
		return nil, err
	}
	taken := make([]Taken, len(counts))
	for i, c := range counts {
		var ok bool
		if taken[i], ok = found[c.Key]; !ok {
			taken[i] = Taken{Number: 1, RetryAfter: c.Window}
		}
	}
	return taken, nil
}

// Return takes one attempt of each key back. None is no error. It locks in the
// order of Take, and sees what was counted while it waited.
func (s *Store) Return(ctx context.Context, keys ...Key) error {
	list := make([][]byte, len(keys))
	for i := range keys {
		list[i] = keys[i][:]
	}
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
		var batch database.Batch
		batch.Queue(`SELECT 1 FROM directory.attempt WHERE key = ANY ($1::bytea[]) ORDER BY key FOR UPDATE`, list)
		batch.Queue(`DELETE FROM directory.attempt WHERE key = ANY ($1::bytea[]) AND number = 1`, list)
		batch.Queue(`UPDATE directory.attempt SET number = number - 1 WHERE key = ANY ($1::bytea[]) AND number > 1`, list)
		return tx.Send(ctx, batch)
	})
	if err != nil {
		return fmt.Errorf("update attempts: %w", err)
	}
	return nil
}

// Clear forgets the attempts of key. None is no error.
func (s *Store) Clear(ctx context.Context, key Key) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM directory.attempt WHERE key = $1`, key[:]); err != nil {
		return fmt.Errorf("delete attempt: %w", err)
	}
	return nil
}

// Unlock is Clear by an operator, with a record in the audit log on the user of
// that id.
func (s *Store) Unlock(ctx context.Context, key Key, sub string) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM directory.attempt WHERE key = $1`, key[:]); err != nil {
			return fmt.Errorf("delete attempt: %w", err)
		}
		return eventdb.Append(ctx, tx, event.Event{Type: event.SubjectUnlocked, Sub: sub})
	})
}

// Sweeps returns the windows that have ended, for deletion.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db, sweep.Rule{Table: "directory.attempt", Key: "key", Due: "expire_time"})
}
