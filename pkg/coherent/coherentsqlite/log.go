package coherentsqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/sqlite"
)

const insertStatement = `
	INSERT INTO coherence_restriction_log (kind, key, version, value, keep_until)
	VALUES (?, ?, ?, ?, ` + sqlite.NowMicros + ` + ?)`

// Append writes restrictions to the log in the transaction that restricts.
// They are kept for keep, the longest life of an access token and some more, or
// for less (see [coherent.Restriction.Keep]). What is appended must be acknowledged
// only after the transaction has committed.
func Append(ctx context.Context, tx *sql.Tx, keep time.Duration, rs ...coherent.Restriction) error {
	for _, r := range rs {
		// A nil key would be NULL; the restriction of everything has an empty one.
		key := append([]byte{}, r.Key...)
		_, err := tx.ExecContext(ctx, insertStatement,
			int64(r.Kind), key, r.Version, r.Value, r.Keep(keep).Microseconds())
		if err != nil {
			return fmt.Errorf("append restriction: %w", err)
		}
	}
	return nil
}

// RaiseRestoreEpoch ends every access token issued so far as part of tx, and
// returns the new epoch. It belongs to the runbook of a restore from backup,
// before anything serves. The epoch comes from the clock, because a counter would
// go back with the backup, and might then repeat an epoch that tokens were sealed
// with. It is the Unix time of the next second, so that every whole second in
// which anything was issued is below it.
func RaiseRestoreEpoch(ctx context.Context, tx *sql.Tx) (epoch int64, err error) {
	err = tx.QueryRowContext(ctx, `
		UPDATE coherence_restore_epoch
		   SET epoch = max(epoch, unixepoch()) + 1
		RETURNING epoch`).Scan(&epoch)
	if err != nil {
		return 0, fmt.Errorf("raise restore epoch: %w", err)
	}
	return epoch, nil
}
