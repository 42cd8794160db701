package familysqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/token/internal/family"
)

const markRepetition = `UPDATE token_family SET repeat_time = ` + sqlite.NowMicros + ` WHERE id = ?1`

// repetition records a repetition of a token of f.
func repetition(ctx context.Context, tx *sql.Tx, f family.Family) error {
	if _, err := tx.ExecContext(ctx, markRepetition, f.ID[:]); err != nil {
		return fmt.Errorf("mark repetition: %w", err)
	}
	if err := note(ctx, tx, f.GrantID, false); err != nil {
		return err
	}
	return eventsqlite.Append(ctx, tx, family.Repetition(f))
}

const upsertReuse = `
	INSERT INTO token_reuse (grant_id, late, reuse_time)
	VALUES (?1, ?2, ` + sqlite.NowMicros + `)
	ON CONFLICT (grant_id, late) DO UPDATE
	   SET reuse_time = excluded.reuse_time`

// note notes a reuse of a grant's tokens.
func note(ctx context.Context, tx *sql.Tx, grant uuid.UUID, late bool) error {
	if _, err := tx.ExecContext(ctx, upsertReuse, grant[:], late); err != nil {
		return fmt.Errorf("note reuse: %w", err)
	}
	return nil
}

// Reuses implements family.Store.
func (s *Store) Reuses(ctx context.Context, grants []uuid.UUID) ([]family.Reuse, error) {
	var reuses []family.Reuse
	for _, grant := range grants {
		var repeated, late sql.NullInt64
		err := s.db.Read().QueryRowContext(ctx, `
			SELECT max(reuse_time) FILTER (WHERE NOT late), max(reuse_time) FILTER (WHERE late)
			  FROM token_reuse
			 WHERE grant_id = ?1`, grant[:]).Scan(&repeated, &late)
		if err != nil {
			return nil, fmt.Errorf("select reuses: %w", err)
		}
		if repeated.Valid || late.Valid {
			reuses = append(reuses, family.Reuse{GrantID: grant, Repeated: timeOf(repeated), Late: timeOf(late)})
		}
	}
	return reuses, nil
}

// timeOf is zero for NULL.
func timeOf(t sql.NullInt64) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return sqlite.FromTime(t.Int64)
}
