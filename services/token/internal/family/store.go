package family

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Store keeps families. It is safe for concurrent use, across processes too.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store. keep is how long a restriction is kept.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db, keep} }

// columns are those that scan reads.
const columns = `id, grant_id, client_id, sub, subject_version, scope, resource, auth_time, generation, key_id,
	lifetime, absolute_expire_time - start_time, expire_time, client_identity, grant_version, workspace_id`

// Insert adds a family as part of tx, and ends the oldest of its grant beyond
// limit, expired ones first. It returns the restrictions that this logged.
func Insert(ctx context.Context, tx *database.Tx, f Family, limit int, keep time.Duration) ([]coherent.Restriction, error) {
	// Two insertions that do not see each other would leave one family too many.
	if err := tx.Lock(ctx, "token.family/"+f.GrantID.String()); err != nil {
		return nil, err
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO token.family (id, grant_id, client_id, sub, subject_version, scope, resource, auth_time, generation, key_id,
		       used, lifetime, start_time, rotate_time, expire_time, absolute_expire_time, client_identity, grant_version, workspace_id)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, false, $11::interval, t, t, t + least($11::interval, $12::interval), t + $12::interval,
		       $13, $14, $15
		  FROM (SELECT statement_timestamp() AS t) AS now`,
		f.ID, f.GrantID, f.ClientID, f.Sub, f.SubjectVersion, f.Scope.String(), f.Resource, f.AuthTime, f.Generation, int64(f.KeyID),
		f.Lifetime, f.AbsoluteLifetime, f.Origin.IdentityBytes(), f.Origin.GrantVersion, database.NullZero(f.Origin.WorkspaceID))
	if err != nil {
		return nil, fmt.Errorf("insert family: %w", err)
	}
	ended, err := database.Collect(ctx, tx, func(row database.Row) (Family, error) {
		gone := Family{GrantID: f.GrantID}
		err := row.Scan(&gone.ID, &gone.ClientID, &gone.Sub)
		return gone, err
	}, `
		DELETE FROM token.family
		 WHERE id IN (SELECT id
		                FROM token.family
		               WHERE grant_id = $1
		               ORDER BY expire_time > statement_timestamp() DESC, start_time DESC, id
		               `+tx.Either(``, `LIMIT -1`)+` OFFSET $2)
		RETURNING id, client_id, sub`, f.GrantID, limit)
	if err != nil {
		return nil, fmt.Errorf("end oldest families: %w", err)
	}
	return record(ctx, tx, keep, Evicted, ended...)
}

// record writes down the end of families, if any.
func record(ctx context.Context, tx *database.Tx, keep time.Duration, why Reason, ended ...Family) ([]coherent.Restriction, error) {
	if len(ended) == 0 {
		return nil, nil
	}
	events := make([]event.Event, 0, len(ended))
	for _, f := range ended {
		events = append(events, endedBy(f, why))
	}
	if err := eventdb.Append(ctx, tx, events...); err != nil {
		return nil, err
	}
	return restrict(ctx, tx, keep, ended...)
}

// Find returns a live family. Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (Family, error) {
	f, err := scan(s.db.QueryRow(ctx, `
		SELECT `+columns+`
		  FROM token.family
		 WHERE id = $1 AND expire_time > statement_timestamp()`, id))
	if errors.Is(err, database.ErrNoRows) {
		return Family{}, ErrNotFound
	}
	if err != nil {
		return Family{}, fmt.Errorf("select family: %w", err)
	}
	return f, nil
}

// End ends a family, and returns the restriction that ends its access tokens.
// Ending it twice is no error, no restriction and no event; one that never was is
// restricted, and no event. An end for Replayed is noted.
func (s *Store) End(ctx context.Context, id uuid.UUID, why Reason) (ended []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		ended, err = s.end(ctx, tx, id, why)
		return err
	})
	return ended, err
}

func (s *Store) end(ctx context.Context, tx *database.Tx, id uuid.UUID, why Reason) ([]coherent.Restriction, error) {
	ended := Family{ID: id}
	err := tx.QueryRow(ctx, `DELETE FROM token.family WHERE id = $1 RETURNING grant_id, client_id, sub`, id).
		Scan(&ended.GrantID, &ended.ClientID, &ended.Sub)
	if errors.Is(err, database.ErrNoRows) {
		return s.endAgain(ctx, tx, ended)
	}
	if err != nil {
		return nil, fmt.Errorf("delete family: %w", err)
	}
	if why == Replayed {
		if err := note(ctx, tx, ended.GrantID, true); err != nil {
			return nil, err
		}
	}
	return record(ctx, tx, s.keep, why, ended)
}

// endAgain ends the access tokens of a family that has no row, once.
func (s *Store) endAgain(ctx context.Context, tx *database.Tx, f Family) ([]coherent.Restriction, error) {
	log, err := coherentdb.FindEnded(ctx, tx, [16]byte{}, f.ID)
	if err != nil {
		return nil, err
	}
	if log.Family == coherent.Deleted {
		return nil, tx.Confirm(ctx)
	}
	return restrict(ctx, tx, s.keep, f)
}

// End ends a family as part of tx, for a caller who records why.
func End(ctx context.Context, tx *database.Tx, f Family, keep time.Duration) ([]coherent.Restriction, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM token.family WHERE id = $1`, f.ID); err != nil {
		return nil, fmt.Errorf("delete family: %w", err)
	}
	return restrict(ctx, tx, keep, f)
}

// EndAll ends every family as part of tx. It logs nothing: the restore epoch ends
// the access tokens.
func EndAll(ctx context.Context, tx *database.Tx) error {
	if _, err := tx.Exec(ctx, tx.Either(`TRUNCATE token.family`, `DELETE FROM token.family`)); err != nil {
		return fmt.Errorf("end all families: %w", err)
	}
	return nil
}

// restrict ends the access tokens of families.
func restrict(ctx context.Context, tx *database.Tx, keep time.Duration, ended ...Family) ([]coherent.Restriction, error) {
	restrictions := make([]coherent.Restriction, 0, len(ended))
	for _, f := range ended {
		restrictions = append(restrictions, coherent.Family(f.ID, coherent.FamilyEnded).Of(f.ClientID))
	}
	if err := coherentdb.Append(ctx, tx, keep, restrictions...); err != nil {
		return nil, err
	}
	return restrictions, nil
}

// Sweeps returns families past their absolute lifetime, and notes older than
// ReuseMemory, for deletion. A family whose token has expired stays until then: a token
// that it replaced may still show that it has leaked.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db,
		sweep.Rule{Table: "token.family", Key: "id", Due: "absolute_expire_time"},
		sweep.Rule{Table: "token.reuse", Key: "grant_id, late", Due: "reuse_time", After: ReuseMemory})
}

// scan reads columns, and more after them.
func scan(row database.Row, more ...any) (f Family, err error) {
	var scope string
	var keyID int64
	var identity []byte
	err = row.Scan(append([]any{
		&f.ID, &f.GrantID, &f.ClientID, &f.Sub, &f.SubjectVersion, &scope, &f.Resource, &f.AuthTime, &f.Generation, &keyID,
		&f.Lifetime, &f.AbsoluteLifetime, &f.ExpireTime, &identity, &f.Origin.GrantVersion, database.Null(&f.Origin.WorkspaceID),
	}, more...)...)
	if err != nil {
		return Family{}, err
	}
	if f.Origin.ClientIdentity, err = credential.ParseIdentity(identity); err != nil {
		return Family{}, err
	}
	f.KeyID = uint32(keyID) //nolint:gosec // written from a uint32
	if f.Scope, err = oauth.ParseScope(scope); err != nil {
		return Family{}, fmt.Errorf("parse scope of family: %w", err)
	}
	return f, nil
}
