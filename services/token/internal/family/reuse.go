package family

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
)

// Reuse is when tokens of a grant were presented that had been replaced.
type Reuse struct {
	GrantID uuid.UUID
	// Repeated is when one came within the window, to the precision of
	// RepetitionPeriod; zero if none did.
	Repeated time.Time
	// Late is when one ended its family: it came after the window, or at any time from
	// another client; zero if none did.
	Late time.Time
}

const (
	// RepetitionPeriod is for how long one event, and one note, stand for all
	// repetitions of a family's tokens within the window: a client of several
	// processes repeats with every refresh.
	RepetitionPeriod = time.Hour
	// ReuseMemory is for how long a reuse is noted.
	ReuseMemory = 90 * 24 * time.Hour
)

// repetition records a repetition of a token of f, unless another has been
// recorded meanwhile.
func (s *Store) repetition(ctx context.Context, f Family) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		marked, err := tx.Exec(ctx, `
			UPDATE token.family
			   SET repeat_time = statement_timestamp()
			 WHERE id = @id AND `+unrecorded, database.Args{"id": f.ID, "period": RepetitionPeriod})
		if err != nil {
			return fmt.Errorf("mark repetition: %w", err)
		}
		if marked == 0 {
			return nil
		}
		if err := note(ctx, tx, f.GrantID, false); err != nil {
			return err
		}
		return eventdb.Append(ctx, tx, repeated(f))
	})
}

// note notes a reuse of a grant's tokens.
func note(ctx context.Context, tx *database.Tx, grant uuid.UUID, late bool) error {
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

// Reuses returns what is noted of grants, in no order; nothing of a grant of
// which there is nothing.
func (s *Store) Reuses(ctx context.Context, grants []uuid.UUID) ([]Reuse, error) {
	reuses, err := database.Collect(ctx, s.db, func(row database.Row) (u Reuse, err error) {
		err = row.Scan(&u.GrantID, database.Null(&u.Repeated), database.Null(&u.Late))
		return u, err
	}, `
		SELECT grant_id, max(reuse_time) FILTER (WHERE NOT late), max(reuse_time) FILTER (WHERE late)
		  FROM token.reuse
		 WHERE grant_id = ANY ($1::uuid[])
		 GROUP BY grant_id`, grants)
	if err != nil {
		return nil, fmt.Errorf("select reuses: %w", err)
	}
	return reuses, nil
}
