package coherentpg

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/coherent"
)

// FindEnded returns what the log has of an access token and its family, which may be
// nil, as part of the transaction that ends the token. Two for one family, or for one
// token without a family, go one after the other.
func FindEnded(ctx context.Context, tx pgx.Tx, token [16]byte, family uuid.UUID) (e coherent.Ended, err error) {
	lock := family
	if family == uuid.Nil {
		lock = token
	}
	_, err = tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('coherence.restriction_log/' || $1::text, 0))`, lock)
	if err != nil {
		return coherent.Ended{}, fmt.Errorf("lock family: %w", err)
	}
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM coherence.restriction_log WHERE kind = $3 AND key = $1),
		       coalesce((SELECT max(CASE version WHEN $5 THEN $6 ELSE version END)
		                   FROM coherence.restriction_log
		                  WHERE kind = $4 AND key = $2), 0),
		       (SELECT count(*)
		          FROM coherence.restriction_log
		         WHERE kind = 1 AND substring(value, 1, 16) = $2 AND $2 <> $7
		           AND keep_until > statement_timestamp())`,
		token[:], family[:], coherent.KindToken, coherent.KindFamily, coherent.FamilyEnded, coherent.Deleted, uuid.Nil[:]).
		Scan(&e.Token, &e.Family, &e.Tokens)
	if err != nil {
		return coherent.Ended{}, fmt.Errorf("select what has ended: %w", err)
	}
	return e, nil
}

// Confirm has the commit of tx wait for a standby where one is required, though
// nothing has changed: what an earlier transaction wrote may have come to an unknown
// outcome there, and only the commit of a write waits.
func Confirm(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `SELECT pg_logical_emit_message(true, 'chancery', '')`); err != nil {
		return fmt.Errorf("confirm restriction: %w", err)
	}
	return nil
}
