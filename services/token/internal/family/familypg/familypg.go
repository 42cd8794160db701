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
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
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
	for _, f := range ended {
		events = append(events, family.Ended(f, why))
	}
	if err := eventpg.Append(ctx, tx, events...); err != nil {
		return nil, err
	}
	return restrict(ctx, tx, keep, ended...)
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
		return s.endAgain(ctx, tx, ended)
	}
	if err != nil {
		return nil, fmt.Errorf("delete family: %w", err)
	}
	if why == family.Replayed {
		if err := note(ctx, tx, ended.GrantID, true); err != nil {
			return nil, err
		}
	}
	return record(ctx, tx, s.keep, why, ended)
}

// endAgain ends the access tokens of a family that has no row, once.
func (s *Store) endAgain(ctx context.Context, tx pgx.Tx, f family.Family) ([]coherent.Restriction, error) {
	log, err := coherentpg.FindEnded(ctx, tx, [16]byte{}, f.ID)
	if err != nil {
		return nil, err
	}
	if log.Family == coherent.Deleted {
		return nil, coherentpg.Confirm(ctx, tx)
	}
	return restrict(ctx, tx, s.keep, f)
}

// End ends a family as part of tx, for a caller who records why.
func End(ctx context.Context, tx pgx.Tx, f family.Family, keep time.Duration) ([]coherent.Restriction, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM token.family WHERE id = $1`, f.ID); err != nil {
		return nil, fmt.Errorf("delete family: %w", err)
	}
	return restrict(ctx, tx, keep, f)
}

// EndAll ends every family as part of tx. It logs nothing: the restore epoch ends
// the access tokens.
func EndAll(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `TRUNCATE token.family`); err != nil {
		return fmt.Errorf("end all families: %w", err)
	}
	return nil
}

// Sweeps implements family.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, family.Sweeps()...) }

// restrict ends the access tokens of families.
func restrict(ctx context.Context, tx pgx.Tx, keep time.Duration, ended ...family.Family) ([]coherent.Restriction, error) {
	restrictions := make([]coherent.Restriction, 0, len(ended))
	for _, f := range ended {
		restrictions = append(restrictions, coherent.Family(f.ID, coherent.FamilyEnded).Of(f.ClientID))
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
