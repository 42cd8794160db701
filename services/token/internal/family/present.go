package family

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/chancery-auth/chancery/pkg/database"
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
	replaced = `{known}
		 WHERE r.generation >= 0 AND r.replace_time > statement_timestamp() - @window::interval`
	// full is that there is no room for another.
	full = `((SELECT count(*) FROM ` + replaced + `) >= @most)`
	// unrecorded is that no repetition was recorded for a while.
	unrecorded = `(repeat_time IS NULL OR repeat_time <= statement_timestamp() - @period::interval)`
)

// rotate replaces the token in use if it is the one presented.
const rotate = `
	UPDATE token.family
	   SET generation = generation + 1,
	       key_id = @key_id,
	       used = false,
	       {kept} = (SELECT {packed} FROM ` + replaced + `),
	       rotate_time = statement_timestamp(),
	       expire_time = ` + renewed + `
	 WHERE ` + live + ` AND generation = @generation AND ` + due + ` AND NOT ` + full + `
	RETURNING ` + columns

// use marks the token in use as used if it is the one presented. A generation was
// replaced in the window if an earlier one was: of one that a binary of the release
// before replaced, the row may not know.
const use = `
	UPDATE token.family
	   SET used = used OR generation = @generation,
	       expire_time = CASE WHEN generation = @generation AND ` + due + ` AND ` + full + ` THEN ` + renewed + ` ELSE expire_time END
	 WHERE ` + live + `
	RETURNING ` + columns + `,
	       ` + due + ` AND ` + full + `,
	       generation - 1 = @generation AND NOT used AND statement_timestamp() < rotate_time + @grace::interval
	       OR EXISTS (SELECT 1 FROM ` + replaced + ` AND r.generation <= @generation),
	       ` + unrecorded

// PostgreSQL has the generations and when they were replaced in two arrays, SQLite
// in one of pairs.
var (
	inArrays = strings.NewReplacer(
		"{known}", `unnest(family.replaced || (family.generation - 1), family.replace_times || family.rotate_time) AS r (generation, replace_time)`,
		"{kept}", `(replaced, replace_times)`,
		"{packed}", `coalesce(array_agg(r.generation), '{}'), coalesce(array_agg(r.replace_time), '{}')`)
	inPairs = strings.NewReplacer(
		"{known}", `(
		SELECT value ->> 0 AS generation, value ->> 1 AS replace_time
		  FROM json_each(token_family.replaced)
		 UNION ALL
		SELECT token_family.generation - 1, token_family.rotate_time) AS r`,
		"{kept}", `replaced`,
		"{packed}", `json_group_array(json_array(r.generation, r.replace_time))`)

	rotatePostgres, rotateSQLite = inArrays.Replace(rotate), inPairs.Replace(rotate)
	usePostgres, useSQLite       = inArrays.Replace(use), inPairs.Replace(use)
)

// Present decides what becomes of p under the policy, in one step against all
// others. keyID is that of the key to seal a successor with. With Reused and
// Ahead nothing has changed. A repetition within the window is an event, and is
// noted, once in RepetitionPeriod for each family. Fails with ErrNotFound. The lock of
// the first UPDATE is the gate, on a row or on all of SQLite: the second of two finds
// another generation.
func (s *Store) Present(ctx context.Context, p Presented, policy Policy, keyID uint32) (Family, Outcome, error) {
	args := database.Args{
		"id": p.FamilyID, "generation": p.Generation, "key_id": int64(keyID),
		"always": policy.Rotation == Always, "threshold": policy.Rotation == Threshold, "part": policy.Threshold,
		"grace": policy.Grace, "window": policy.Window, "most": MostReplaced, "period": RepetitionPeriod,
	}
	f, err := s.update(ctx, s.db.Either(rotatePostgres, rotateSQLite), args)
	switch {
	case errors.Is(err, database.ErrNoRows):
		return s.unrotated(ctx, p, policy, args)
	case err != nil:
		return Family{}, 0, fmt.Errorf("rotate family: %w", err)
	}
	return f, Rotated, nil
}

// unrotated is what becomes of a token that rotates nothing.
func (s *Store) unrotated(ctx context.Context, p Presented, policy Policy, args database.Args) (Family, Outcome, error) {
	var u unrotated
	var err error
	u.Family, err = s.update(ctx, s.db.Either(usePostgres, useSQLite), args, &u.full, &u.covered, &u.unrecorded)
	switch {
	case errors.Is(err, database.ErrNoRows):
		return Family{}, 0, ErrNotFound
	case err != nil:
		return Family{}, 0, fmt.Errorf("use family: %w", err)
	}
	outcome := u.outcome(p)
	if outcome == Repeated && policy.Window > 0 && u.unrecorded {
		if err := s.repetition(ctx, u.Family); err != nil {
			return Family{}, 0, err
		}
	}
	return u.Family, outcome, nil
}

// update runs a statement that returns columns of the one family, and more after
// them.
func (s *Store) update(ctx context.Context, text string, args database.Args, more ...any) (f Family, err error) {
	err = s.db.InStatement(ctx, func(c database.Conn) error {
		f, err = scan(c.QueryRow(ctx, text, args), more...)
		return err
	})
	return f, err
}
