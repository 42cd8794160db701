// Package coherentpg reads the restriction log in PostgreSQL, which coherentdb writes.
//
// A reader's cursor is the snapshot of its last read, and the next read
// returns what is visible now and was not visible then: sequence numbers and
// transaction ids are drawn in another order than transactions commit, and a
// reader that goes by them misses the ones that commit late. Each read also
// writes, in the same statement: the commit of that write proves that the
// server was still the primary when it answered.
package coherentpg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/pg"
)

var (
	errFence    = errors.New("the fence of this replica is gone")
	errUnfenced = errors.New("the fence was not waited for by a standby")
	errRecovery = errors.New("server is in recovery")
)

// Source reads the log on a connection of its own, outside every pool, so that
// load elsewhere cannot starve it. It implements [coherent.Source].
type Source struct {
	url     string
	o       pg.Options
	replica string
	conn    *pgx.Conn // nil, or closed, until the next read connects
}

// NewSource returns a source that connects to url when it is first read.
func NewSource(url string, o pg.Options) *Source {
	return &Source{url: url, o: o, replica: uuid.NewString()}
}

// Close closes the connection. Nothing may read from the source any more.
func (s *Source) Close(ctx context.Context) error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close(ctx)
}

// Begin implements [coherent.Source].
func (s *Source) Begin(ctx context.Context) (b coherent.Batch, last int64, err error) {
	err = s.vouched(ctx, func() error {
		var recovering, fenced bool
		err := s.conn.QueryRow(ctx, beginStatement, s.replica).
			Scan(&b.Cursor, &b.DatabaseTime, &recovering, &fenced, &b.RestoreEpoch, &b.Identity, &last)
		if err != nil {
			return err
		}
		return check(recovering, fenced)
	})
	return b, last, err
}

// Page implements [coherent.Source].
func (s *Source) Page(ctx context.Context, after, last int64, size int) (page coherent.Page, err error) {
	err = s.vouched(ctx, func() error {
		page, err = s.page(ctx, after, last, size)
		return err
	})
	return page, err
}

// Poll implements [coherent.Source].
func (s *Source) Poll(ctx context.Context, after coherent.Cursor) (batch coherent.Batch, err error) {
	err = s.vouched(ctx, func() error {
		batch, err = s.read(ctx, after)
		return err
	})
	return batch, err
}

// vouched runs one statement. The rows come before the commit of the fence: only once
// it has returned is it known that it happened, and that a standby has it where one is
// required. After an error the next call connects anew, because the address may lead
// to another server by then.
func (s *Source) vouched(ctx context.Context, statement func() error) error {
	err := s.connect(ctx)
	if err == nil {
		pg.TakeWarning(s.conn)
		if err = statement(); err == nil && pg.TakeWarning(s.conn) {
			err = errUnfenced
		}
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("read restriction log: %w", err)
	if s.conn != nil {
		err = errors.Join(err, s.conn.Close(ctx))
		s.conn = nil
	}
	return err
}

// connect also sees to the fence, in a statement of its own: the one that
// reads must find it there.
func (s *Source) connect(ctx context.Context) error {
	if s.conn != nil && !s.conn.IsClosed() {
		return nil
	}
	conn, err := pg.Connect(ctx, s.url, s.o)
	if err != nil {
		return err
	}
	s.conn = conn
	_, err = conn.Exec(ctx, `
		INSERT INTO coherence.poll_fence (replica, n, poll_time)
		VALUES ($1, 0, statement_timestamp())
		ON CONFLICT (replica) DO NOTHING`, s.replica)
	if err != nil {
		return fmt.Errorf("insert fence: %w", err)
	}
	return nil
}

// identity is the SQL expression for the identity of the log: the system, its
// timeline, the restore epoch, and the triggers that keep the log whole, each with
// the transactions that last changed it and its function. It changes when a guard
// is taken away, even if the guard is back before the next poll.
const identity = `concat_ws('/', system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8), epoch,
		(SELECT string_agg(concat(t.xmin, t.tgenabled, p.xmin), ',' ORDER BY t.oid)
		   FROM pg_trigger t
		   JOIN pg_proc p ON p.oid = t.tgfoid
		  WHERE t.tgrelid = 'coherence.restriction_log'::regclass))`

// here is where the log stands. One statement and one round trip: the snapshot
// returned is the one that read the rows, and so it is for identity, recovery and
// clock. In recovery the UPDATE already fails.
const here = `
	WITH fence AS (
		UPDATE coherence.poll_fence
		   SET n = n + 1, poll_time = statement_timestamp()
		 WHERE replica = $1
		RETURNING n
	), here AS MATERIALIZED (
		SELECT pg_current_snapshot()::text AS snap,
		       statement_timestamp()       AS now,
		       pg_is_in_recovery()         AS recovering,
		       EXISTS (SELECT FROM fence)  AS fenced,
		       epoch,
		       ` + identity + ` AS identity
		  FROM pg_control_system(), coherence.restore_epoch
	)
	SELECT h.snap, h.now, h.recovering, h.fenced, h.epoch, h.identity, `

const beginStatement = here + `
	       coalesce((SELECT max(id) FROM coherence.restriction_log), 0)
	  FROM here h`

const pollStatement = here + `
	       l.kind, l.key, l.version, l.value, l.keep_until
	  FROM here h
	  LEFT JOIN coherence.restriction_log l
	    ON l.xid >= pg_snapshot_xmin($2::text::pg_snapshot)
	   AND NOT pg_visible_in_snapshot(l.xid, $2::text::pg_snapshot)`

const pageStatement = `
	SELECT ` + identity + `, l.id, l.kind, l.key, l.version, l.value, l.keep_until
	  FROM pg_control_system(), coherence.restore_epoch
	  LEFT JOIN LATERAL (
		SELECT id, kind, key, version, value, keep_until
		  FROM coherence.restriction_log
		 WHERE id > $1 AND id <= $2
		 ORDER BY id
		 LIMIT $3) l ON true
	 ORDER BY l.id`

func (s *Source) page(ctx context.Context, after, last int64, size int) (page coherent.Page, err error) {
	rows, err := s.conn.Query(ctx, pageStatement, after, last, size)
	if err != nil {
		return coherent.Page{}, err
	}
	defer rows.Close()
	for rows.Next() {
		var id *int64
		var l logRow
		if err := rows.Scan(&page.Identity, &id, &l.kind, &l.key, &l.version, &l.value, &l.keepUntil); err != nil {
			return coherent.Page{}, err
		}
		if id != nil {
			page.Entries, page.Next = append(page.Entries, l.entry()), *id
		}
	}
	return page, rows.Err()
}

func (s *Source) read(ctx context.Context, after coherent.Cursor) (coherent.Batch, error) {
	rows, err := s.conn.Query(ctx, pollStatement, s.replica, string(after))
	if err != nil {
		return coherent.Batch{}, err
	}
	defer rows.Close()
	var (
		batch              coherent.Batch
		recovering, fenced bool
	)
	for rows.Next() {
		var l logRow
		err := rows.Scan(&batch.Cursor, &batch.DatabaseTime, &recovering, &fenced, &batch.RestoreEpoch, &batch.Identity,
			&l.kind, &l.key, &l.version, &l.value, &l.keepUntil)
		if err != nil {
			return coherent.Batch{}, err
		}
		if l.kind != nil {
			batch.Entries = append(batch.Entries, l.entry())
		}
	}
	if err := rows.Err(); err != nil {
		return coherent.Batch{}, err
	}
	return batch, check(recovering, fenced)
}

func check(recovering, fenced bool) error {
	switch {
	case !fenced:
		return errFence
	case recovering:
		return errRecovery
	default:
		return nil
	}
}

// logRow is a row of the log; every field is nil where the join found none.
type logRow struct {
	kind      *int16
	key       []byte
	version   *int64
	value     []byte
	keepUntil *time.Time
}

func (l logRow) entry() coherent.Entry {
	return coherent.Entry{
		Restriction: coherent.Restriction{
			Kind: coherent.Kind(*l.kind), Key: l.key, Version: *l.version, Value: l.value,
		},
		KeepUntil: *l.keepUntil,
	}
}
