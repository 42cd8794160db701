// Package credentialsqlite reads credentials from SQLite.
package credentialsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/subject/subjectsqlite"
)

var _ credential.Store = (*Store)(nil)

// Store implements credential.Store. Credentials are created with their
// subjects, by subjectsqlite.
type Store struct{ db *sqlite.DB }

// New returns a store on db, which must be migrated.
func New(db *sqlite.DB) *Store { return &Store{db} }

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
