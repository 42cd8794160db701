package coherentpg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/pg"
)

// reconcileStatement leaves out what is there already, because every replica
// that was running writes the same back. Two at the same instant may write a
// row twice, which means no more than once.
const reconcileStatement = `
	INSERT INTO coherence.restriction_log (kind, key, version, value, keep_until, reconciled)
	SELECT r.kind, r.key, r.version, r.value, r.keep_until, true
	  FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bytea[], $5::timestamptz[])
	       AS r (kind, key, version, value, keep_until)
	 WHERE NOT EXISTS (
		SELECT FROM coherence.restriction_log l
		 WHERE l.kind = r.kind AND l.key = r.key AND l.version = r.version
		   AND l.value IS NOT DISTINCT FROM r.value)`

// Reconcile implements [coherent.Source]. After an error the next call connects
// anew.
func (s *Source) Reconcile(ctx context.Context, entries []coherent.Entry) (written int, err error) {
	written, err = s.reconcile(ctx, entries)
	if err != nil && s.conn != nil {
		err = errors.Join(err, s.conn.Close(ctx))
		s.conn = nil
	}
	return written, err
}

func (s *Source) reconcile(ctx context.Context, entries []coherent.Entry) (int, error) {
	if err := s.connect(ctx); err != nil {
		return 0, err
	}
	var (
		kinds     = make([]int16, len(entries))
		keys      = make([][]byte, len(entries))
		versions  = make([]int64, len(entries))
		values    = make([][]byte, len(entries))
		keepUntil = make([]time.Time, len(entries))
	)
	for i, e := range entries {
		kinds[i], keys[i], versions[i], values[i] = int16(e.Kind), append([]byte{}, e.Key...), e.Version, e.Value
		keepUntil[i] = e.KeepUntil
	}
	pg.TakeWarning(s.conn)
	tag, err := s.conn.Exec(ctx, reconcileStatement, kinds, keys, versions, values, keepUntil)
	if err != nil {
		return 0, fmt.Errorf("reconcile restriction log: %w", err)
	}
	if pg.TakeWarning(s.conn) {
		return 0, errUnfenced
	}
	return int(tag.RowsAffected()), nil
}
