package familypg

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/services/token/internal/family"
)

// repetition records a repetition of a token of f, unless another has been
// recorded meanwhile.
func (s *Store) repetition(ctx context.Context, f family.Family) error {
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE token.family
			   SET repeat_time = statement_timestamp()
			 WHERE id = @id AND `+unrecorded, pgx.NamedArgs{"id": f.ID, "period": family.RepetitionPeriod})
		if err != nil {
			return fmt.Errorf("mark repetition: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		if err := note(ctx, tx, f.GrantID, false); err != nil {
			return err
		}
		return eventpg.Append(ctx, tx, family.Repetition(f))
	})
}

// note notes a reuse of a grant's tokens.
func note(ctx context.Context, tx pgx.Tx, grant uuid.UUID, late bool) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO token.reuse (grant_id, late, reuse_time)
		VALUES ($1, $2, statement_timestamp())
		ON CONFLICT (grant_id, late) DO UPDATE
		   SET reuse_time = excluded.reuse_time`, grant, late)
	if err != nil {
		return fmt.Errorf("note reuse: %w", err)
	}
	return nil
}

// Reuses implements family.Store.
func (s *Store) Reuses(ctx context.Context, grants []uuid.UUID) ([]family.Reuse, error) {
	rows, err := s.db.Query(ctx, `
		SELECT grant_id, max(reuse_time) FILTER (WHERE NOT late), max(reuse_time) FILTER (WHERE late)
		  FROM token.reuse
		 WHERE grant_id = ANY ($1)
		 GROUP BY grant_id`, grants)
	if err != nil {
		return nil, fmt.Errorf("select reuses: %w", err)
	}
	reuses, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (family.Reuse, error) {
		var u family.Reuse
		var repeated, late *time.Time
		err := row.Scan(&u.GrantID, &repeated, &late)
		u.Repeated, u.Late = timeOf(repeated), timeOf(late)
		return u, err
	})
	if err != nil {
		return nil, fmt.Errorf("select reuses: %w", err)
	}
	return reuses, nil
}

// timeOf is zero for NULL.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
