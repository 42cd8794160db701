package initialtoken

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Store keeps initial access tokens. A token is good until the database's clock
// shows its ExpireTime. It is safe for concurrent use, across
// processes too.
type Store struct{ db *database.DB }

// NewStore returns a store on db, which must be migrated.
func NewStore(db *database.DB) *Store { return &Store{db: db} }

// Create adds t, good for lifetime from now on, and returns it with its times. Of
// many callers no more than Max succeed. Fails with ErrTooMany. The lock makes
// callers count one after another; who reads does not wait for it.
func (s *Store) Create(ctx context.Context, t Token, lifetime time.Duration) (Token, error) {
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
		if !tx.IsSQLite() {
			if _, err := tx.Exec(ctx, `LOCK TABLE registry.initial_access_token IN SHARE ROW EXCLUSIVE MODE`); err != nil {
				return fmt.Errorf("lock initial access tokens: %w", err)
			}
		}
		err := tx.QueryRow(ctx, `
			INSERT INTO registry.initial_access_token (token_id, digest, hint, expire_time)
			SELECT $1, $2, $3, statement_timestamp() + $4::interval
			 WHERE (SELECT count(*)
			          FROM registry.initial_access_token
			         WHERE expire_time > statement_timestamp()) < $5
			RETURNING create_time, expire_time`,
			t.ID.String(), t.Digest[:], t.Hint, lifetime, Max).Scan(&t.CreateTime, &t.ExpireTime)
		if errors.Is(err, database.ErrNoRows) {
			return ErrTooMany
		}
		if err != nil {
			return fmt.Errorf("insert initial access token: %w", err)
		}
		return eventdb.Append(ctx, tx, Created(t.ID))
	})
	if err != nil {
		return Token{}, err
	}
	return t, nil
}

// List returns the good tokens, oldest first.
func (s *Store) List(ctx context.Context) ([]Token, error) {
	list, err := database.Collect(ctx, s.db, scan, `
		SELECT token_id, digest, hint, create_time, expire_time
		  FROM registry.initial_access_token
		 WHERE expire_time > statement_timestamp()
		 ORDER BY create_time, token_id`)
	if err != nil {
		return nil, fmt.Errorf("select initial access tokens: %w", err)
	}
	return list, nil
}

// Find returns the good token of the digest. Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, digest secret.Digest) (Token, error) {
	t, err := scan(s.db.QueryRow(ctx, `
		SELECT token_id, digest, hint, create_time, expire_time
		  FROM registry.initial_access_token
		 WHERE digest = $1 AND expire_time > statement_timestamp()`, digest[:]))
	if errors.Is(err, database.ErrNoRows) {
		return Token{}, ErrNotFound
	}
	if err != nil {
		return Token{}, fmt.Errorf("select initial access token: %w", err)
	}
	return t, nil
}

func scan(row database.Row) (t Token, err error) {
	var digest []byte
	err = row.Scan(&t.ID, &digest, &t.Hint, &t.CreateTime, &t.ExpireTime)
	copy(t.Digest[:], digest)
	return t, err
}

// Revoke removes a good token. Fails with ErrNotFound.
func (s *Store) Revoke(ctx context.Context, id uuid.UUID) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		changed, err := tx.Exec(ctx, `
			DELETE FROM registry.initial_access_token
			 WHERE token_id = $1 AND expire_time > statement_timestamp()`, id.String())
		if err != nil {
			return fmt.Errorf("delete initial access token: %w", err)
		}
		if changed == 0 {
			return ErrNotFound
		}
		return eventdb.Append(ctx, tx, Revoked(id))
	})
}

// Sweeps returns the tokens that have expired, for deletion.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db, sweep.Rule{Table: "registry.initial_access_token", Key: "token_id", Due: "expire_time"})
}
