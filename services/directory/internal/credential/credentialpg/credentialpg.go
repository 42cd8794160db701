// Package credentialpg reads credentials from PostgreSQL.
package credentialpg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/subject/subjectpg"
)

var _ credential.Store = (*Store)(nil)

// Store implements credential.Store. Credentials are created with their
// subjects, by subjectpg.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Find implements credential.Store.
func (s *Store) Find(ctx context.Context, username string) (credential.Credential, error) {
	var c credential.Credential
	var err error
	c.Subject, err = subjectpg.Scan(s.db.QueryRow(ctx, `
		SELECT `+subjectpg.Columns+`, c.password_hash
		  FROM directory.subject AS s
		  JOIN directory.credential AS c USING (sub)
		 WHERE s.username = $1`, username), &c.PasswordHash)
	if errors.Is(err, pgx.ErrNoRows) {
		return credential.Credential{}, credential.ErrNotFound
	}
	if err != nil {
		return credential.Credential{}, fmt.Errorf("select credential: %w", err)
	}
	return c, nil
}

// Replace implements credential.Store.
func (s *Store) Replace(ctx context.Context, c credential.Credential, passwordHash string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE directory.credential
		   SET password_hash = $3
		 WHERE sub = $1 AND password_hash = $2`, c.Subject.Sub, c.PasswordHash, passwordHash)
	if err != nil {
		return fmt.Errorf("update credential: %w", err)
	}
	return nil
}

// Change implements credential.Store.
func (s *Store) Change(ctx context.Context, sub, present, passwordHash string) (changed subject.Subject, restrictions []coherent.Restriction, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		changed, err = subjectpg.Scan(tx.QueryRow(ctx, `
			UPDATE directory.subject AS s
			   SET version = s.version + 1
			 WHERE s.sub = $1
			RETURNING `+subjectpg.Columns, sub))
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return subject.ErrNotFound
		case err != nil:
			return fmt.Errorf("update subject: %w", err)
		}
		tag, err := tx.Exec(ctx, `
			UPDATE directory.credential
			   SET password_hash = $3
			 WHERE sub = $1 AND ($2 = '' OR password_hash = $2)`, sub, present, passwordHash)
		switch {
		case err != nil:
			return fmt.Errorf("update credential: %w", err)
		case tag.RowsAffected() == 0:
			return credential.ErrChanged
		}
		restrictions = []coherent.Restriction{coherent.Subject(sub, changed.Version)}
		if err := eventpg.Append(ctx, tx, changed.Happened(event.PasswordChanged)); err != nil {
			return err
		}
		return coherentpg.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return subject.Subject{}, nil, err
	}
	return changed, restrictions, nil
}
