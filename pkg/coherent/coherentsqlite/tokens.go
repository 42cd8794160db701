package coherentsqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/sqlite"
)

const endedStatement = `
	SELECT EXISTS (SELECT 1 FROM coherence_restriction_log WHERE kind = ?3 AND key = ?1),
	       ifnull((SELECT max(CASE version WHEN ?5 THEN ?6 ELSE version END)
	                 FROM coherence_restriction_log
	                WHERE kind = ?4 AND key = ?2), 0),
	       (SELECT count(*)
	          FROM coherence_restriction_log
	         WHERE kind = 1 AND substr(value, 1, 16) = ?2 AND ?2 <> zeroblob(16) AND keep_until > ` + sqlite.NowMicros + `)`

// FindEnded returns what the log has of an access token and its family, which may be
// nil, as part of the transaction that ends the token.
func FindEnded(ctx context.Context, tx *sql.Tx, token [16]byte, family uuid.UUID) (e coherent.Ended, err error) {
	err = tx.QueryRowContext(ctx, endedStatement, token[:], family[:],
		int64(coherent.KindToken), int64(coherent.KindFamily), coherent.FamilyEnded, coherent.Deleted).
		Scan(&e.Token, &e.Family, &e.Tokens)
	if err != nil {
		return coherent.Ended{}, fmt.Errorf("select what has ended: %w", err)
	}
	return e, nil
}
