// Package familypg keeps refresh families in Postgres.
package familypg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/services/token/internal/family"
)

// Store implements family.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store. keep is how long a restriction is kept.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db, keep} }

// columns are those that scan reads.
const columns = `id, grant_id, client_id, sub, subject_version, scope, resource, auth_time, generation, key_id,
	lifetime, absolute_expire_time - start_time, expire_time, client_identity, grant_version, workspace_id`

// Insert adds a family as part of tx, and ends the oldest of its grant beyond
// limit, expired ones first. It returns the restrictions that this logged.
func Insert(ctx context.Context, tx pgx.Tx, f family.Family, limit int, keep time.Duration) ([]coherent.Restriction, error) {
	// Two insertions that do not see each other would leave one family too many.
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('token.family/' || $1::text, 0))`, f.GrantID)
	if err != nil {
		return nil, fmt.Errorf("lock grant: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO token.family (id, grant_id, client_id, sub, subject_version, scope, resource, auth_time, generation, key_id,
		       used, lifetime, start_time, rotate_time, expire_time, absolute_expire_time, client_identity, grant_version, workspace_id)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, false, $11::interval, t, t, t + least($11::interval, $12::interval), t + $12::interval,
		       $13, $14, nullif($15::uuid, '00000000-0000-0000-0000-000000000000')
		  FROM statement_timestamp() AS t`,
		f.ID, f.GrantID, f.ClientID, f.Sub, f.SubjectVersion, f.Scope.String(), append([]string{}, f.Resource...), f.AuthTime, f.Generation, int64(f.KeyID),
		f.Lifetime, f.AbsoluteLifetime, f.Origin.IdentityBytes(), f.Origin.GrantVersion, f.Origin.WorkspaceID)
	if err != nil {
		return nil, fmt.Errorf("insert family: %w", err)
	}
	rows, err := tx.Query(ctx, `
		DELETE FROM token.family
		 WHERE id IN (SELECT id
		                FROM token.family
		               WHERE grant_id = $1
		               ORDER BY expire_time > statement_timestamp() DESC, start_time DESC, id
		              OFFSET $2)
		RETURNING id, client_id, sub`, f.GrantID, limit)
	if err != nil {
		return nil, fmt.Errorf("end oldest families: %w", err)
	}
	ended, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (family.Family, error) {
		gone := family.Family{GrantID: f.GrantID}
		return gone, row.Scan(&gone.ID, &gone.ClientID, &gone.Sub)
	})
	if err != nil {
		return nil, fmt.Errorf("end oldest families: %w", err)
	}
	return record(ctx, tx, keep, family.Evicted, ended...)
}

// record writes down the end of families, if any.
func record(ctx context.Context, tx pgx.Tx, keep time.Duration, why family.Reason, ended ...family.Family) ([]coherent.Restriction, error) {
	if len(ended) == 0 {
		return nil, nil
	}
	events := make([]event.Event, 0, len(ended))
	ids := make([]uuid.UUID, 0, len(ended))
	for _, f := range ended {
		events, ids = append(events, family.Ended(f, why)), append(ids, f.ID)
	}
	if err := eventpg.Append(ctx, tx, events...); err != nil {
		return nil, err
	}
	return restrict(ctx, tx, keep, ids...)
}

// Find implements family.Store.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (family.Family, error) {
	f, err := scan(s.db.QueryRow(ctx, `
		SELECT `+columns+`
		  FROM token.family
		 WHERE id = $1 AND expire_time > statement_timestamp()`, id))
	if errors.Is(err, pgx.ErrNoRows) {
		return family.Family{}, family.ErrNotFound
	}
	if err != nil {
		return family.Family{}, fmt.Errorf("select family: %w", err)
	}
	return f, nil
}

// Present implements family.Store. The row lock of the first UPDATE is the gate:
// whoever comes second finds another generation.
func (s *Store) Present(ctx context.Context, p family.Presented, policy family.Policy, keyID uint32) (f family.Family, outcome family.Outcome, err error) {
	err = pg.InStatement(ctx, s.db, func(conn *pgx.Conn) error {
		f, err = rotate(ctx, conn, p, policy, keyID)
		outcome = family.Rotated
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		f, outcome, err = s.unrotated(ctx, p, policy)
	}
	if err != nil {
		return family.Family{}, 0, err
	}
	return f, outcome, nil
}

// replaced is every generation that the row knows to be replaced: the predecessor
// of the one in use by rotate_time, which a binary of any release writes.
const replaced = `unnest(f.replaced || (f.generation - 1), f.replace_times || f.rotate_time) AS r (generation, replace_time)`

func rotate(ctx context.Context, conn *pgx.Conn, p family.Presented, policy family.Policy, keyID uint32) (family.Family, error) {
	const inWindow = `r.generation >= 0 AND r.replace_time > statement_timestamp() - $7::interval`
	f, err := scan(conn.QueryRow(ctx, `
		UPDATE token.family AS f
		   SET generation = generation + 1,
		       key_id = $3,
		       used = false,
		       (replaced, replace_times) = (
		           SELECT coalesce(array_agg(r.generation), '{}'), coalesce(array_agg(r.replace_time), '{}')
		             FROM `+replaced+`
		            WHERE `+inWindow+`),
		       rotate_time = statement_timestamp(),
		       expire_time = least(statement_timestamp() + lifetime, absolute_expire_time)
		 WHERE id = $1 AND generation = $2 AND expire_time > statement_timestamp()
		   AND ($4 OR $5 AND statement_timestamp() >= rotate_time + lifetime * $6::float8)
		   AND (SELECT count(*) FROM `+replaced+` WHERE `+inWindow+`) < $8
		RETURNING `+columns,
		p.FamilyID, p.Generation, int64(keyID),
		policy.Rotation == family.Always, policy.Rotation == family.Threshold, policy.Threshold, policy.Window, family.MostReplaced))
	if err != nil {
		return family.Family{}, fmt.Errorf("rotate family: %w", err)
	}
	return f, nil
}

// unrotated is what becomes of a token that rotates nothing.
func (s *Store) unrotated(ctx context.Context, p family.Presented, policy family.Policy) (f family.Family, outcome family.Outcome, err error) {
	var due bool
	err = pg.InStatement(ctx, s.db, func(conn *pgx.Conn) error {
		f, outcome, due, err = use(ctx, conn, p, policy)
		return err
	})
	if err == nil && outcome == family.Repeated && due {
		err = s.repetition(ctx, f)
	}
	return f, outcome, err
}

// use marks the token in use as used if it is the one presented. A generation was
// replaced in the window if an earlier one was: of one that a binary of the release
// before replaced, the row may not know. due says whether a repetition in the
// window is to be noted.
func use(ctx context.Context, conn *pgx.Conn, p family.Presented, policy family.Policy) (f family.Family, outcome family.Outcome, due bool, err error) {
	var repeatable bool
	f, err = scan(conn.QueryRow(ctx, `
		UPDATE token.family AS f
		   SET used = used OR generation = $2::bigint
		 WHERE id = $1 AND expire_time > statement_timestamp()
		RETURNING `+columns+`,
		       generation - 1 = $2::bigint AND NOT used AND statement_timestamp() < rotate_time + $3::interval
		       OR EXISTS (SELECT FROM `+replaced+` WHERE r.generation <= $2::bigint AND r.replace_time > statement_timestamp() - $4::interval),
		       $4::interval > '0' AND NOT EXISTS (
		           SELECT FROM token.reuse AS u
		            WHERE u.grant_id = f.grant_id AND NOT u.late AND u.reuse_time > statement_timestamp() - $5::interval)`,
		p.FamilyID, p.Generation, policy.Grace, policy.Window, family.RepetitionPeriod), &repeatable, &due)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return family.Family{}, 0, false, family.ErrNotFound
	case err != nil:
		return family.Family{}, 0, false, fmt.Errorf("use family: %w", err)
	}
	return f, f.Unrotated(p, repeatable), due, nil
}

// End implements family.Store.
func (s *Store) End(ctx context.Context, id uuid.UUID, why family.Reason) (ended []coherent.Restriction, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		ended, err = s.end(ctx, tx, id, why)
		return err
	})
	return ended, err
}

func (s *Store) end(ctx context.Context, tx pgx.Tx, id uuid.UUID, why family.Reason) ([]coherent.Restriction, error) {
	ended := family.Family{ID: id}
	err := tx.QueryRow(ctx, `DELETE FROM token.family WHERE id = $1 RETURNING grant_id, client_id, sub`, id).
		Scan(&ended.GrantID, &ended.ClientID, &ended.Sub)
	if errors.Is(err, pgx.ErrNoRows) {
		return restrict(ctx, tx, s.keep, id)
	}
	if err != nil {
		return nil, fmt.Errorf("delete family: %w", err)
	}
	if why == family.Replayed {
		if _, err := note(ctx, tx, ended.GrantID, true, 0); err != nil {
			return nil, err
		}
	}
	return record(ctx, tx, s.keep, why, ended)
}

// End ends a family as part of tx, for who records why.
func End(ctx context.Context, tx pgx.Tx, id uuid.UUID, keep time.Duration) ([]coherent.Restriction, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM token.family WHERE id = $1`, id); err != nil {
		return nil, fmt.Errorf("delete family: %w", err)
	}
	return restrict(ctx, tx, keep, id)
}

// EndAll ends every family as part of tx. It logs nothing: the restore epoch ends
// the access tokens.
func EndAll(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `TRUNCATE token.family`); err != nil {
		return fmt.Errorf("end all families: %w", err)
	}
	return nil
}

// Sweep implements family.Store.
func (s *Store) Sweep(ctx context.Context) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM token.family WHERE absolute_expire_time <= statement_timestamp()`); err != nil {
		return fmt.Errorf("sweep families: %w", err)
	}
	return s.sweepReuses(ctx)
}

// restrict ends the access tokens of families.
func restrict(ctx context.Context, tx pgx.Tx, keep time.Duration, ids ...uuid.UUID) ([]coherent.Restriction, error) {
	restrictions := make([]coherent.Restriction, 0, len(ids))
	for _, id := range ids {
		restrictions = append(restrictions, coherent.Family(id, 1))
	}
	if err := coherentpg.Append(ctx, tx, keep, restrictions...); err != nil {
		return nil, err
	}
	return restrictions, nil
}

// scan reads columns, and more after them.
func scan(row pgx.Row, more ...any) (family.Family, error) {
	var f family.Family
	var scope string
	var keyID int64
	var identity []byte
	var workspace *uuid.UUID
	err := row.Scan(append([]any{
		&f.ID, &f.GrantID, &f.ClientID, &f.Sub, &f.SubjectVersion, &scope, &f.Resource, &f.AuthTime, &f.Generation, &keyID,
		&f.Lifetime, &f.AbsoluteLifetime, &f.ExpireTime, &identity, &f.Origin.GrantVersion, &workspace,
	}, more...)...)
	if err != nil {
		return family.Family{}, err
	}
	if f.Origin.ClientIdentity, err = credential.ParseIdentity(identity); err != nil {
		return family.Family{}, err
	}
	if workspace != nil {
		f.Origin.WorkspaceID = *workspace
	}
	f.KeyID = uint32(keyID) //nolint:gosec // written from a uint32
	if f.Scope, err = oauth.ParseScope(scope); err != nil {
		return family.Family{}, fmt.Errorf("parse scope of family: %w", err)
	}
	return f, nil
}
