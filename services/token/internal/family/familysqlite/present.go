package familysqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/token/internal/family"
)

// Conditions and values of the statements below.
const (
	// live is the family that the token is of.
	live = `id = @id AND expire_time > ` + sqlite.NowMicros
	// due is that the client's rotation wants a successor of the token in use now.
	due = `(@always OR @threshold AND ` + sqlite.NowMicros + ` >= rotate_time + lifetime * @part)`
	// renewed is when a token that is made now expires.
	renewed = `min(` + sqlite.NowMicros + ` + lifetime, absolute_expire_time)`
	// replaced is the generations that the row knows to be replaced within the window:
	// the predecessor of the one in use by rotate_time, which a binary of any release
	// writes.
	replaced = `(
		SELECT value ->> 0 AS generation, value ->> 1 AS replace_time
		  FROM json_each(token_family.replaced)
		 UNION ALL
		SELECT token_family.generation - 1, token_family.rotate_time) AS r
		 WHERE r.generation >= 0 AND r.replace_time > ` + sqlite.NowMicros + ` - @window`
	// full is that there is no room for another.
	full = `((SELECT count(*) FROM ` + replaced + `) >= @most)`
	// unrecorded is that no repetition was recorded for a while.
	unrecorded = `(repeat_time IS NULL OR repeat_time <= ` + sqlite.NowMicros + ` - @period)`
)

// rotate replaces the token in use if it is the one presented.
const rotate = `
	UPDATE token_family
	   SET generation = generation + 1,
	       key_id = @key_id,
	       used = 0,
	       replaced = (
	           SELECT json_group_array(json_array(r.generation, r.replace_time))
	             FROM ` + replaced + `),
	       rotate_time = ` + sqlite.NowMicros + `,
	       expire_time = ` + renewed + `
	 WHERE ` + live + ` AND generation = @generation AND ` + due + ` AND NOT ` + full + `
	RETURNING ` + columns

// use marks the token in use as used if it is the one presented. A generation was
// replaced in the window if an earlier one was: of one that a binary of the release
// before replaced, the row may not know.
const use = `
	UPDATE token_family
	   SET used = used OR generation = @generation,
	       expire_time = CASE WHEN generation = @generation AND ` + due + ` AND ` + full + ` THEN ` + renewed + ` ELSE expire_time END
	 WHERE ` + live + `
	RETURNING ` + columns + `,
	       ` + due + ` AND ` + full + `,
	       generation - 1 = @generation AND NOT used AND ` + sqlite.NowMicros + ` < rotate_time + @grace
	       OR EXISTS (SELECT 1 FROM ` + replaced + ` AND r.generation <= @generation),
	       ` + unrecorded

// Present implements family.Store. The writer's transaction is the gate: whoever
// comes second finds another generation.
func (s *Store) Present(ctx context.Context, p family.Presented, policy family.Policy, keyID uint32) (f family.Family, outcome family.Outcome, err error) {
	args := []any{
		sql.Named("id", p.FamilyID[:]), sql.Named("generation", p.Generation), sql.Named("key_id", int64(keyID)),
		sql.Named("always", policy.Rotation == family.Always), sql.Named("threshold", policy.Rotation == family.Threshold), sql.Named("part", policy.Threshold),
		sql.Named("grace", policy.Grace.Microseconds()), sql.Named("window", policy.Window.Microseconds()),
		sql.Named("most", family.MostReplaced), sql.Named("period", family.RepetitionPeriod.Microseconds()),
	}
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		f, outcome, err = present(ctx, tx, p, policy, args)
		return err
	})
	if err != nil {
		return family.Family{}, 0, err
	}
	return f, outcome, nil
}

func present(ctx context.Context, tx *sql.Tx, p family.Presented, policy family.Policy, args []any) (family.Family, family.Outcome, error) {
	f, err := scan(tx.QueryRowContext(ctx, rotate, args...))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return unrotated(ctx, tx, p, policy, args)
	case err != nil:
		return family.Family{}, 0, fmt.Errorf("rotate family: %w", err)
	}
	return f, family.Rotated, nil
}

// unrotated is what becomes of a token that rotates nothing.
func unrotated(ctx context.Context, tx *sql.Tx, p family.Presented, policy family.Policy, args []any) (family.Family, family.Outcome, error) {
	var u family.Unrotated
	var err error
	u.Family, err = scan(tx.QueryRowContext(ctx, use, args...), &u.Full, &u.Covered, &u.Unrecorded)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return family.Family{}, 0, family.ErrNotFound
	case err != nil:
		return family.Family{}, 0, fmt.Errorf("use family: %w", err)
	}
	outcome := u.Outcome(p)
	if outcome == family.Repeated && policy.Window > 0 && u.Unrecorded {
		err = repetition(ctx, tx, u.Family)
	}
	return u.Family, outcome, err
}
