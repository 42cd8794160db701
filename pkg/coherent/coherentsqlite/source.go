// Package coherentsqlite keeps the restriction log in SQLite. There is one
// writer, so rows are numbered in the order in which they commit, and the last
// number read is a sound cursor: on PostgreSQL it would not be.
package coherentsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// errNoEpoch says that the read returned nothing at all, and so vouches for
// nothing.
var errNoEpoch = errors.New("restore epoch is missing")

// Source reads the log. It implements [coherent.Source].
type Source struct{ db *sqlite.DB }

// NewSource returns a source that reads on the read-only pool of db.
func NewSource(db *sqlite.DB) *Source { return &Source{db: db} }

// Load implements [coherent.Source].
func (s *Source) Load(ctx context.Context) (coherent.Batch, error) {
	return s.read(ctx, 0)
}

// Poll implements [coherent.Source].
func (s *Source) Poll(ctx context.Context, after coherent.Cursor) (coherent.Batch, error) {
	last, err := strconv.ParseInt(string(after), 10, 64)
	if err != nil {
		return coherent.Batch{}, fmt.Errorf("parse cursor: %w", err)
	}
	return s.read(ctx, last)
}

// One statement sees one snapshot.
const pollStatement = `
	SELECT ` + sqlite.NowMicros + `, e.epoch, e.system, l.id, l.kind, l.key, l.version, l.value, l.keep_until
	  FROM coherence_restore_epoch e
	  LEFT JOIN coherence_restriction_log l ON l.id > ?
	 ORDER BY l.id`

func (s *Source) read(ctx context.Context, last int64) (_ coherent.Batch, err error) {
	rows, err := s.db.Read().QueryContext(ctx, pollStatement, last)
	if err != nil {
		return coherent.Batch{}, fmt.Errorf("poll restriction log: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var batch coherent.Batch
	for rows.Next() {
		if last, err = scan(rows, &batch, last); err != nil {
			return coherent.Batch{}, err
		}
	}
	if err := rows.Err(); err != nil {
		return coherent.Batch{}, fmt.Errorf("poll restriction log: %w", err)
	}
	if batch.Identity == "" {
		return coherent.Batch{}, errNoEpoch
	}
	batch.Cursor = coherent.Cursor(strconv.FormatInt(last, 10))
	return batch, nil
}

// scan adds a row to the batch and returns the cursor after it. Where the join
// found no row there is nothing to add.
func scan(rows *sql.Rows, batch *coherent.Batch, last int64) (int64, error) {
	var (
		now, epoch        int64
		system            string
		id, version, keep sql.NullInt64
		kind              sql.NullInt16
		entry             coherent.Entry
	)
	if err := rows.Scan(&now, &epoch, &system, &id, &kind, &entry.Key, &version, &entry.Value, &keep); err != nil {
		return 0, fmt.Errorf("scan restriction: %w", err)
	}
	batch.DatabaseTime = sqlite.FromTime(now)
	batch.RestoreEpoch = epoch
	batch.Identity = coherent.Identity(fmt.Sprintf("%s/%d", system, epoch))
	if !id.Valid {
		return last, nil
	}
	entry.Kind, entry.Version = coherent.Kind(kind.Int16), version.Int64
	entry.KeepUntil = sqlite.FromTime(keep.Int64)
	batch.Entries = append(batch.Entries, entry)
	return id.Int64, nil
}
