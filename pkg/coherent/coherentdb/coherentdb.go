// Package coherentdb writes the restriction log, in the transaction that restricts,
// and has the restore epoch. What reads the log is in coherentpg and coherentsqlite:
// snapshots, fences and the identity of a server are PostgreSQL's alone.
package coherentdb

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Append writes restrictions to the log in the transaction that restricts.
// They are kept for keep, the longest life of an access token and some more, or
// for less (see [coherent.Restriction.Keep]), from the later of two clocks, this
// machine's and the database's: one that is behind must not let them go early. What is
// appended must be acknowledged only after the transaction has committed with a
// certain outcome (see pg.InTx).
func Append(ctx context.Context, tx *database.Tx, keep time.Duration, rs ...coherent.Restriction) error {
	if len(rs) == 0 {
		return nil
	}
	now := coherent.Now()
	var batch database.Batch
	for _, r := range rs {
		// A nil key would be NULL; the restriction of everything has an empty one.
		batch.Queue(`
			INSERT INTO coherence.restriction_log (kind, key, version, value, keep_until)
			VALUES ($1, $2, $3, $4, greatest(statement_timestamp(), $5) + $6::interval)`,
			int16(r.Kind), append([]byte{}, r.Key...), r.Version, r.Value, now, r.Keep(keep))
	}
	if err := tx.Send(ctx, batch); err != nil {
		return fmt.Errorf("append restrictions: %w", err)
	}
	tx.WakeAfterCommit()
	return nil
}

// On PostgreSQL a function of the owner of the tables reads the log: those who write
// it have no right to. Kinds and versions are as there: version 1 of a family is its
// end for good.
const (
	endedPostgres = `SELECT ended, epoch, tokens FROM coherence.find_ended($1, $2)`
	endedSQLite   = `
	SELECT EXISTS (SELECT 1 FROM coherence.restriction_log WHERE kind = 1 AND key = $1),
	       coalesce((SELECT max(CASE version WHEN 1 THEN 9223372036854775807 ELSE version END)
	                   FROM coherence.restriction_log
	                  WHERE kind = 3 AND key = $2), 0),
	       (SELECT count(*)
	          FROM coherence.restriction_log
	         WHERE kind = 1 AND substr(value, 1, 16) = $2 AND $2 <> zeroblob(16) AND keep_until > statement_timestamp())`
)

// FindEnded returns what the log has of an access token and its family, which may be
// nil, as part of the transaction that ends the token. Two for one family, or for one
// token without a family, go one after the other.
func FindEnded(ctx context.Context, tx *database.Tx, token [16]byte, family uuid.UUID) (e coherent.Ended, err error) {
	lock := family
	if family == uuid.Nil {
		lock = token
	}
	if err := tx.Lock(ctx, "coherence.restriction_log/"+lock.String()); err != nil {
		return coherent.Ended{}, err
	}
	err = tx.QueryRow(ctx, tx.Either(endedPostgres, endedSQLite), token[:], family[:]).Scan(&e.Token, &e.Family, &e.Tokens)
	if err != nil {
		return coherent.Ended{}, fmt.Errorf("select what has ended: %w", err)
	}
	return e, nil
}

// margin is how long restrictions are kept beyond their time.
const margin = time.Hour

// Sweeps returns the restrictions that concern no living token, with an hour of
// margin, and the fences of replicas that are gone, for deletion. On PostgreSQL a
// function of the owner of the tables deletes them.
func Sweeps(db *database.DB) []sweep.Table {
	if db.IsSQLite() {
		return database.Sweeps(db, sweep.Rule{Table: "coherence.restriction_log", Key: "id", Due: "keep_until", After: margin})
	}
	return []sweep.Table{database.Sweep(db, "coherence.restriction_log", margin, `SELECT gone, last FROM coherence.sweep($1, $2, $3)`)}
}

// RestoreEpoch returns the epoch that tokens are sealed with.
func RestoreEpoch(ctx context.Context, c database.Conn) (epoch int64, err error) {
	if err := c.QueryRow(ctx, `SELECT epoch FROM coherence.restore_epoch`).Scan(&epoch); err != nil {
		return 0, fmt.Errorf("select restore epoch: %w", err)
	}
	return epoch, nil
}

// RaiseRestoreEpoch ends every access token issued so far, and returns the new
// epoch. It belongs to the runbook of a restore from backup, before anything
// serves. The epoch comes from the clock, because a counter would go back with
// the backup, and might then repeat an epoch that tokens were sealed with. It is
// the Unix time of the next second, so that every whole second in which anything
// was issued is below it.
func RaiseRestoreEpoch(ctx context.Context, tx database.Conn) (epoch int64, err error) {
	err = tx.QueryRow(ctx, `
		UPDATE coherence.restore_epoch
		   SET epoch = greatest(epoch, `+tx.Either(`floor(extract(epoch FROM statement_timestamp()))::bigint`, `unixepoch()`)+`) + 1
		RETURNING epoch`).Scan(&epoch)
	if err != nil {
		return 0, fmt.Errorf("raise restore epoch: %w", err)
	}
	return epoch, nil
}
