// Package credentialsqlite reads credentials from SQLite.
package credentialsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/subject/subjectsqlite"
)

var _ credential.Store = (*Store)(nil)

// Store implements credential.Store. Credentials are created with their
// subjects, by subjectsqlite.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Find implements credential.Store.
func (s *Store) Find(ctx context.Context, username string) (credential.Credential, error) {
	var c credential.Credential
	var err error
	c.Subject, err = subjectsqlite.Scan(s.db.Read().QueryRowContext(ctx, `
		SELECT `+subjectsqlite.Columns+`, password_hash
		  FROM directory_subject
		  JOIN directory_credential USING (sub)
		 WHERE username = ?`, username), &c.PasswordHash)
	if errors.Is(err, sql.ErrNoRows) {
		return credential.Credential{}, credential.ErrNotFound
	}
	if err != nil {
		return credential.Credential{}, fmt.Errorf("select credential: %w", err)
	}
	return c, nil
}

// Replace implements credential.Store.
func (s *Store) Replace(ctx context.Context, c credential.Credential, passwordHash string) error {
	_, err := s.db.Write().ExecContext(ctx, `
		UPDATE directory_credential
		   SET password_hash = ?3
		 WHERE sub = ?1 AND password_hash = ?2`, c.Subject.Sub, c.PasswordHash, passwordHash)
	if err != nil {
		return fmt.Errorf("update credential: %w", err)
	}
	return nil
}

// Change implements credential.Store.
func (s *Store) Change(ctx context.Context, sub, present, passwordHash string) (changed subject.Subject, restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		changed, err = subjectsqlite.Scan(tx.QueryRowContext(ctx, `
			UPDATE directory_subject
			   SET version = version + 1
			 WHERE sub = ?
			RETURNING `+subjectsqlite.Columns, sub))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return subject.ErrNotFound
		case err != nil:
			return fmt.Errorf("update subject: %w", err)
		}
		result, err := tx.ExecContext(ctx, `
			UPDATE directory_credential
			   SET password_hash = ?3
			 WHERE sub = ?1 AND (?2 = '' OR password_hash = ?2)`, sub, present, passwordHash)
		if err != nil {
			return fmt.Errorf("update credential: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(credential.ErrChanged, err)
		}
		restrictions = []coherent.Restriction{coherent.Subject(sub, changed.Version)}
		if err := eventsqlite.Append(ctx, tx, changed.Happened(event.PasswordChanged)); err != nil {
			return err
		}
		return coherentsqlite.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return subject.Subject{}, nil, err
	}
	return changed, restrictions, nil
}
