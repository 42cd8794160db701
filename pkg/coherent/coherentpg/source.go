// Package coherentpg keeps the restriction log in PostgreSQL.
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

// everything is a snapshot that sees no transaction at all.
const everything coherent.Cursor = "1:1:"

var (
	errFence    = errors.New("the fence of this replica is gone")
	errUnfenced = errors.New("the poll was not waited for by a standby")
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

// Load implements [coherent.Source].
func (s *Source) Load(ctx context.Context) (coherent.Batch, error) {
	return s.Poll(ctx, everything)
}

// Poll implements [coherent.Source]. After an error the next call connects
// anew, because the address may lead to another server by then.
func (s *Source) Poll(ctx context.Context, after coherent.Cursor) (coherent.Batch, error) {
	batch, err := s.poll(ctx, after)
	if err != nil && s.conn != nil {
		err = errors.Join(err, s.conn.Close(ctx))
		s.conn = nil
	}
	return batch, err
}

func (s *Source) poll(ctx context.Context, after coherent.Cursor) (coherent.Batch, error) {
	if err := s.connect(ctx); err != nil {
		return coherent.Batch{}, err
	}
	pg.TakeWarning(s.conn)
	batch, err := s.read(ctx, after)
	if err != nil {
		return coherent.Batch{}, fmt.Errorf("poll restriction log: %w", err)
	}
	// The rows came before the commit of the fence. Only now is it known that
	// it happened, and that a standby has it where one is required.
	if pg.TakeWarning(s.conn) {
		return coherent.Batch{}, errUnfenced
	}
	return batch, nil
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

// One statement and one round trip: the snapshot returned is the one that read
// the rows, and so it is for identity, recovery and clock. In recovery the
// UPDATE already fails.
const pollStatement = `
	WITH fence AS (
		UPDATE coherence.poll_fence
		   SET n = n + 1, poll_time = statement_timestamp()
		 WHERE replica = $2
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
	SELECT h.snap, h.now, h.recovering, h.fenced, h.epoch, h.identity,
	       l.kind, l.key, l.version, l.value, l.keep_until
	  FROM here h
	  LEFT JOIN coherence.restriction_log l
	    ON l.xid >= pg_snapshot_xmin($1::text::pg_snapshot)
	   AND NOT pg_visible_in_snapshot(l.xid, $1::text::pg_snapshot)`

func (s *Source) read(ctx context.Context, after coherent.Cursor) (coherent.Batch, error) {
	rows, err := s.conn.Query(ctx, pollStatement, string(after), s.replica)
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
	switch {
	case !fenced:
		return coherent.Batch{}, errFence
	case recovering:
		return coherent.Batch{}, errRecovery
	}
	return batch, nil
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
