package coherentsqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/coherent"
)

// The driver reads an empty value as none, so they count as one. That of a token, grant
// or family (kinds 1 to 3) restricts nothing, and is not compared.
const reconcileStatement = `
	INSERT INTO coherence_restriction_log (kind, key, version, value, keep_until, reconciled)
	SELECT r.kind, r.key, r.version, r.value, r.keep_until, 1
	  FROM (SELECT ? AS kind, ? AS key, ? AS version, ? AS value, ? AS keep_until) AS r
	 WHERE NOT EXISTS (
		SELECT 1 FROM coherence_restriction_log l
		 WHERE l.kind = r.kind AND l.key = r.key AND l.version = r.version AND (r.kind <= 3 OR ifnull(l.value, x'') = ifnull(r.value, x'')))`

// Reconcile implements [coherent.Source].
func (s *Source) Reconcile(ctx context.Context, entries []coherent.Entry) (written int, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		written = 0
		for _, e := range entries {
			result, err := tx.ExecContext(ctx, reconcileStatement,
				int64(e.Kind), append([]byte{}, e.Key...), e.Version, e.Value, e.KeepUntil.UnixMicro())
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			written += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("reconcile restriction log: %w", err)
	}
	return written, nil
}
