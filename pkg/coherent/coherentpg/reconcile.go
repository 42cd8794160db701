package coherentpg

import (
	"context"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
)

// reconcileStatement leaves out what is there already, because every replica
// that was running writes the same back. Two at the same instant may write a
// row twice, which means no more than once. The value of a token, grant or family
// (kinds 1 to 3) restricts nothing, and is not compared.
const reconcileStatement = `
	INSERT INTO coherence.restriction_log (kind, key, version, value, keep_until, reconciled)
	SELECT r.kind, r.key, r.version, r.value, r.keep_until, true
	  FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bytea[], $5::timestamptz[])
	       AS r (kind, key, version, value, keep_until)
	 WHERE NOT EXISTS (
		SELECT FROM coherence.restriction_log l
		 WHERE l.kind = r.kind AND l.key = r.key AND l.version = r.version
		   AND (r.kind <= 3 OR l.value IS NOT DISTINCT FROM r.value))`

// Reconcile implements [coherent.Source].
func (s *Source) Reconcile(ctx context.Context, entries []coherent.Entry) (written int, err error) {
	err = s.vouched(ctx, func() error {
		written, err = s.reconcile(ctx, entries)
		return err
	})
	return written, err
}

func (s *Source) reconcile(ctx context.Context, entries []coherent.Entry) (int, error) {
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
	tag, err := s.conn.Exec(ctx, reconcileStatement, kinds, keys, versions, values, keepUntil)
	if err != nil {
		return 0, fmt.Errorf("reconcile restriction log: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
