// Package familysqlite keeps refresh families in SQLite.
package familysqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/token/internal/family"
)

// Store implements family.Store.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store. keep is how long a restriction is kept.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db, keep} }

// columns are those that scan reads.
const columns = `id, grant_id, client_id, sub, subject_version, scope, resource, auth_time, generation, key_id,
	lifetime, absolute_expire_time - start_time, expire_time, client_identity, grant_version, workspace_id`

const insertFamily = `
	INSERT INTO token_family (id, grant_id, client_id, sub, subject_version, scope, resource, auth_time, generation, key_id,
	       used, lifetime, start_time, rotate_time, expire_time, absolute_expire_time, client_identity, grant_version, workspace_id)
	SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?11, t, t, t + min(?11, ?12), t + ?12, ?13, ?14, nullif(?15, zeroblob(16))
	  FROM (SELECT ` + sqlite.NowMicros + ` AS t)`

// Insert adds a family as part of tx, and ends the oldest of its grant beyond
// limit, expired ones first. It returns the restrictions that this logged.
func Insert(ctx context.Context, tx *sql.Tx, f family.Family, limit int, keep time.Duration) ([]coherent.Restriction, error) {
	resource, err := json.Marshal(append([]string{}, f.Resource...))
	if err != nil {
		return nil, fmt.Errorf("marshal resource: %w", err)
	}
	_, err = tx.ExecContext(ctx, insertFamily,
		f.ID[:], f.GrantID[:], f.ClientID, f.Sub, f.SubjectVersion, f.Scope.String(), string(resource), sqlite.Time(f.AuthTime), f.Generation, int64(f.KeyID),
		f.Lifetime.Microseconds(), f.AbsoluteLifetime.Microseconds(),
		f.Origin.IdentityBytes(), f.Origin.GrantVersion, f.Origin.WorkspaceID[:])
	if err != nil {
		return nil, fmt.Errorf("insert family: %w", err)
	}
	ended, err := endOldest(ctx, tx, f.GrantID, limit)
	if err != nil {
		return nil, fmt.Errorf("end oldest families: %w", err)
	}
	return record(ctx, tx, keep, family.Evicted, ended...)
}

// record writes down the end of families, if any.
func record(ctx context.Context, tx *sql.Tx, keep time.Duration, why family.Reason, ended ...family.Family) ([]coherent.Restriction, error) {
	if len(ended) == 0 {
		return nil, nil
	}
	events := make([]event.Event, 0, len(ended))
	for _, f := range ended {
		events = append(events, family.Ended(f, why))
	}
	if err := eventsqlite.Append(ctx, tx, events...); err != nil {
		return nil, err
	}
	return restrict(ctx, tx, keep, ended...)
}

const deleteOldest = `
	DELETE FROM token_family
	 WHERE id IN (SELECT id
	                FROM token_family
	               WHERE grant_id = ?1
	               ORDER BY expire_time > ` + sqlite.NowMicros + ` DESC, start_time DESC, id
	               LIMIT -1 OFFSET ?2)
	RETURNING id, client_id, sub`

func endOldest(ctx context.Context, tx *sql.Tx, grantID uuid.UUID, limit int) ([]family.Family, error) {
	rows, err := tx.QueryContext(ctx, deleteOldest, grantID[:], limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var ended []family.Family
	for rows.Next() {
		f := family.Family{GrantID: grantID}
		if err := rows.Scan(&f.ID, &f.ClientID, &f.Sub); err != nil {
			return nil, err
		}
		ended = append(ended, f)
	}
	return ended, rows.Err()
}

// Find implements family.Store.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (family.Family, error) {
	f, err := scan(s.db.Read().QueryRowContext(ctx, `
		SELECT `+columns+`
		  FROM token_family
		 WHERE id = ?1 AND expire_time > `+sqlite.NowMicros, id[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return family.Family{}, family.ErrNotFound
	}
	if err != nil {
		return family.Family{}, fmt.Errorf("select family: %w", err)
	}
	return f, nil
}

// End implements family.Store.
func (s *Store) End(ctx context.Context, id uuid.UUID, why family.Reason) (ended []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		ended, err = s.end(ctx, tx, id, why)
		return err
	})
	return ended, err
}

func (s *Store) end(ctx context.Context, tx *sql.Tx, id uuid.UUID, why family.Reason) ([]coherent.Restriction, error) {
	ended := family.Family{ID: id}
	err := tx.QueryRowContext(ctx, `DELETE FROM token_family WHERE id = ?1 RETURNING grant_id, client_id, sub`, id[:]).
		Scan(&ended.GrantID, &ended.ClientID, &ended.Sub)
	if errors.Is(err, sql.ErrNoRows) {
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
func (s *Store) endAgain(ctx context.Context, tx *sql.Tx, f family.Family) ([]coherent.Restriction, error) {
	log, err := coherentsqlite.FindEnded(ctx, tx, [16]byte{}, f.ID)
	if err != nil || log.Family == coherent.Deleted {
		return nil, err
	}
	return restrict(ctx, tx, s.keep, f)
}

// End ends a family as part of tx, for a caller who records why.
func End(ctx context.Context, tx *sql.Tx, f family.Family, keep time.Duration) ([]coherent.Restriction, error) {
	if _, err := tx.ExecContext(ctx, `DELETE FROM token_family WHERE id = ?1`, f.ID[:]); err != nil {
		return nil, fmt.Errorf("delete family: %w", err)
	}
	return restrict(ctx, tx, keep, f)
}

// EndAll ends every family as part of tx. It logs nothing: the restore epoch ends
// the access tokens.
func EndAll(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM token_family`); err != nil {
		return fmt.Errorf("end all families: %w", err)
	}
	return nil
}

// Sweeps implements family.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, family.Sweeps()...) }

// restrict ends the access tokens of families.
func restrict(ctx context.Context, tx *sql.Tx, keep time.Duration, ended ...family.Family) ([]coherent.Restriction, error) {
	restrictions := make([]coherent.Restriction, 0, len(ended))
	for _, f := range ended {
		restrictions = append(restrictions, coherent.Family(f.ID, coherent.FamilyEnded).Of(f.ClientID))
	}
	if err := coherentsqlite.Append(ctx, tx, keep, restrictions...); err != nil {
		return nil, err
	}
	return restrictions, nil
}

// scan reads columns, and more after them.
func scan(row *sql.Row, more ...any) (family.Family, error) {
	var f family.Family
	var scope, resource string
	var authTime, keyID, lifetime, absolute, expireTime int64
	var identity []byte
	err := row.Scan(append([]any{
		&f.ID, &f.GrantID, &f.ClientID, &f.Sub, &f.SubjectVersion, &scope, &resource, &authTime, &f.Generation, &keyID,
		&lifetime, &absolute, &expireTime, &identity, &f.Origin.GrantVersion, &f.Origin.WorkspaceID,
	}, more...)...)
	if err != nil {
		return family.Family{}, err
	}
	if f.Origin.ClientIdentity, err = credential.ParseIdentity(identity); err != nil {
		return family.Family{}, err
	}
	f.AuthTime, f.ExpireTime = sqlite.FromTime(authTime), sqlite.FromTime(expireTime)
	f.Lifetime, f.AbsoluteLifetime = time.Duration(lifetime)*time.Microsecond, time.Duration(absolute)*time.Microsecond
	f.KeyID = uint32(keyID) //nolint:gosec // written from a uint32
	if err := json.Unmarshal([]byte(resource), &f.Resource); err != nil {
		return family.Family{}, fmt.Errorf("unmarshal resource of family: %w", err)
	}
	if f.Scope, err = oauth.ParseScope(scope); err != nil {
		return family.Family{}, fmt.Errorf("parse scope of family: %w", err)
	}
	return f, nil
}
