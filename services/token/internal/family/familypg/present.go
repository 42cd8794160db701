package familypg

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/services/token/internal/family"
)

// Conditions and values of the statements below.
const (
	// live is the family that the token is of.
	live = `id = @id AND expire_time > statement_timestamp()`
	// due is that the client's rotation wants a successor of the token in use now.
	due = `(@always OR @threshold AND statement_timestamp() >= rotate_time + lifetime * @part::float8)`
	// renewed is when a token that is made now expires.
	renewed = `least(statement_timestamp() + lifetime, absolute_expire_time)`
	// replaced is the generations that the row knows to be replaced within the window:
	// the predecessor of the one in use by rotate_time, which a binary of any release
	// writes.
	replaced = `unnest(f.replaced || (f.generation - 1), f.replace_times || f.rotate_time) AS r (generation, replace_time)
		 WHERE r.generation >= 0 AND r.replace_time > statement_timestamp() - @window::interval`
	// full is that there is no room for another.
	full = `((SELECT count(*) FROM ` + replaced + `) >= @most)`
	// unrecorded is that no repetition was recorded for a while.
	unrecorded = `(repeat_time IS NULL OR repeat_time <= statement_timestamp() - @period::interval)`
)

// rotate replaces the token in use if it is the one presented.
const rotate = `
	UPDATE token.family AS f
	   SET generation = generation + 1,
	       key_id = @key_id,
	       used = false,
	       (replaced, replace_times) = (
	           SELECT coalesce(array_agg(r.generation), '{}'), coalesce(array_agg(r.replace_time), '{}')
	             FROM ` + replaced + `),
	       rotate_time = statement_timestamp(),
	       expire_time = ` + renewed + `
	 WHERE ` + live + ` AND generation = @generation AND ` + due + ` AND NOT ` + full + `
	RETURNING ` + columns

// use marks the token in use as used if it is the one presented. A generation was
// replaced in the window if an earlier one was: of one that a binary of the release
// before replaced, the row may not know.
const use = `
	UPDATE token.family AS f
	   SET used = used OR generation = @generation,
	       expire_time = CASE WHEN generation = @generation AND ` + due + ` AND ` + full + ` THEN ` + renewed + ` ELSE expire_time END
	 WHERE ` + live + `
	RETURNING ` + columns + `,
	       ` + due + ` AND ` + full + `,
	       generation - 1 = @generation AND NOT used AND statement_timestamp() < rotate_time + @grace::interval
	       OR EXISTS (SELECT FROM ` + replaced + ` AND r.generation <= @generation),
	       ` + unrecorded

// Present implements family.Store. The row lock of the first UPDATE is the gate:
// whoever comes second finds another generation.
func (s *Store) Present(ctx context.Context, p family.Presented, policy family.Policy, keyID uint32) (family.Family, family.Outcome, error) {
	args := pgx.NamedArgs{
		"id": p.FamilyID, "generation": p.Generation, "key_id": int64(keyID),
		"always": policy.Rotation == family.Always, "threshold": policy.Rotation == family.Threshold, "part": policy.Threshold,
		"grace": policy.Grace, "window": policy.Window, "most": family.MostReplaced, "period": family.RepetitionPeriod,
	}
	f, err := s.update(ctx, rotate, args)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return s.unrotated(ctx, p, policy, args)
	case err != nil:
		return family.Family{}, 0, fmt.Errorf("rotate family: %w", err)
	}
	return f, family.Rotated, nil
}

// unrotated is what becomes of a token that rotates nothing.
func (s *Store) unrotated(ctx context.Context, p family.Presented, policy family.Policy, args pgx.NamedArgs) (family.Family, family.Outcome, error) {
	var u family.Unrotated
	var err error
	u.Family, err = s.update(ctx, use, args, &u.Full, &u.Covered, &u.Unrecorded)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return family.Family{}, 0, family.ErrNotFound
	case err != nil:
		return family.Family{}, 0, fmt.Errorf("use family: %w", err)
	}
	outcome := u.Outcome(p)
	if outcome == family.Repeated && policy.Window > 0 && u.Unrecorded {
		if err := s.repetition(ctx, u.Family); err != nil {
			return family.Family{}, 0, err
		}
	}
	return u.Family, outcome, nil
}

// update runs a statement that returns columns of the one family, and more after
// them.
func (s *Store) update(ctx context.Context, statement string, args pgx.NamedArgs, more ...any) (f family.Family, err error) {
	err = pg.InStatement(ctx, s.db, func(conn *pgx.Conn) error {
		f, err = scan(conn.QueryRow(ctx, statement, args), more...)
		return err
	})
	return f, err
}
