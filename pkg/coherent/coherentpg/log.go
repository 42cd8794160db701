package coherentpg

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/pg"
)

// Append writes restrictions to the log in the transaction that restricts.
// They are kept for keep, the longest life of an access token and some more, or
// for less (see [coherent.Restriction.Keep]), from the later of two clocks, this
// machine's and the database's: one that is behind must not let them go early. What is appended must be acknowledged
// only after the transaction has committed with a certain outcome (see pg.InTx).
func Append(ctx context.Context, tx pgx.Tx, keep time.Duration, rs ...coherent.Restriction) error {
	var (
		kinds    = make([]int16, len(rs))
		keys     = make([][]byte, len(rs))
		versions = make([]int64, len(rs))
		values   = make([][]byte, len(rs))
		kept     = make([]int64, len(rs)) // microseconds
	)
	for i, r := range rs {
		// A nil key would be NULL; the restriction of everything has an empty one.
		kinds[i], keys[i], versions[i], values[i] = int16(r.Kind), append([]byte{}, r.Key...), r.Version, r.Value
		kept[i] = r.Keep(keep).Microseconds()
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO coherence.restriction_log (kind, key, version, value, keep_until)
		SELECT kind, key, version, value, greatest(statement_timestamp(), $6) + kept * interval '1 microsecond'
		  FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bytea[], $5::bigint[]) AS r (kind, key, version, value, kept)`,
		kinds, keys, versions, values, kept, coherent.Now())
	if err != nil {
		return fmt.Errorf("append restrictions: %w", err)
	}
	pg.WakeAfterCommit(tx.Conn())
	return nil
}

// RaiseRestoreEpoch ends every access token issued so far, and returns the new
// epoch. It belongs to the runbook of a restore from backup, before anything
// serves. The epoch comes from the clock, because a counter would go back with
// the backup, and might then repeat an epoch that tokens were sealed with. It is
// the Unix time of the next second, so that every whole second in which anything
// was issued is below it.
func RaiseRestoreEpoch(ctx context.Context, db Querier) (epoch int64, err error) {
	err = db.QueryRow(ctx, `
		UPDATE coherence.restore_epoch
		   SET epoch = greatest(epoch, floor(extract(epoch FROM statement_timestamp()))::bigint) + 1
		RETURNING epoch`).Scan(&epoch)
	if err != nil {
		return 0, fmt.Errorf("raise restore epoch: %w", err)
	}
	return epoch, nil
}
