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
	err = tx.QueryRow(ctx, `SELECT ended, epoch, tokens FROM coherence.find_ended($1, $2)`, token[:], family[:]).
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
