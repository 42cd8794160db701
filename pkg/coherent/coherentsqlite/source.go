// Package coherentsqlite reads the restriction log in SQLite. There is one
// writer, so rows are numbered in the order in which they commit, and the last
// number read is a sound cursor: on PostgreSQL it would not be.
package coherentsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
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

// Begin implements [coherent.Source]. Its cursor is the last row, so that the pages
// are everything and the difference from it is what was written meanwhile.
func (s *Source) Begin(ctx context.Context) (b coherent.Batch, last int64, err error) {
	var now int64
	var system string
	err = s.db.Read().QueryRowContext(ctx, `
		SELECT `+sqlite.NowMicros+`, epoch, system, (SELECT ifnull(max(id), 0) FROM coherence_restriction_log)
		  FROM coherence_restore_epoch`).Scan(&now, &b.RestoreEpoch, &system, &last)
	if err != nil {
		return coherent.Batch{}, 0, fmt.Errorf("begin to load restriction log: %w", err)
	}
	b.DatabaseTime, b.Identity = sqlite.FromTime(now), identity(system, b.RestoreEpoch)
	b.Cursor = coherent.Cursor(strconv.FormatInt(last, 10))
	return b, last, nil
}

// Page implements [coherent.Source].
func (s *Source) Page(ctx context.Context, after, last int64, size int) (coherent.Page, error) {
	batch, next, err := s.read(ctx, after, last, size)
	return coherent.Page{Entries: batch.Entries, Next: next, Identity: batch.Identity}, err
}

// Poll implements [coherent.Source].
func (s *Source) Poll(ctx context.Context, after coherent.Cursor) (coherent.Batch, error) {
	last, err := strconv.ParseInt(string(after), 10, 64)
	if err != nil {
		return coherent.Batch{}, fmt.Errorf("parse cursor: %w", err)
	}
	batch, last, err := s.read(ctx, last, math.MaxInt64, -1)
	batch.Cursor = coherent.Cursor(strconv.FormatInt(last, 10))
	return batch, err
}

// One statement sees one snapshot. A negative limit is none.
const readStatement = `
	SELECT ` + sqlite.NowMicros + `, e.epoch, e.system, l.id, l.kind, l.key, l.version, l.value, l.keep_until
	  FROM coherence_restore_epoch e
	  LEFT JOIN coherence_restriction_log l ON l.id > ? AND l.id <= ?
	 ORDER BY l.id
	 LIMIT ?`

// read returns the rows of those ids, and the id of the last of them, or after.
func (s *Source) read(ctx context.Context, after, last int64, limit int) (batch coherent.Batch, next int64, err error) {
	rows, err := s.db.Read().QueryContext(ctx, readStatement, after, last, limit)
	if err != nil {
		return coherent.Batch{}, 0, fmt.Errorf("read restriction log: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	next = after
	for rows.Next() {
		if next, err = scan(rows, &batch, next); err != nil {
			return coherent.Batch{}, 0, err
		}
	}
	if err := rows.Err(); err != nil {
		return coherent.Batch{}, 0, fmt.Errorf("read restriction log: %w", err)
	}
	if batch.Identity == "" {
		return coherent.Batch{}, 0, errNoEpoch
	}
	return batch, next, nil
}

func identity(system string, epoch int64) coherent.Identity {
	return coherent.Identity(fmt.Sprintf("%s/%d", system, epoch))
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
	batch.Identity = identity(system, epoch)
	if !id.Valid {
		return last, nil
	}
	entry.Kind, entry.Version = coherent.Kind(kind.Int16), version.Int64
	entry.KeepUntil = sqlite.FromTime(keep.Int64)
	batch.Entries = append(batch.Entries, entry)
	return id.Int64, nil
}
