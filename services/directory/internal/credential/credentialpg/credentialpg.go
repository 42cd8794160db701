// Package credentialpg reads credentials from PostgreSQL.
package credentialpg

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/subject/subjectpg"
)

var _ credential.Store = (*Store)(nil)

// Store implements credential.Store. Credentials are created with their
// subjects, by subjectpg.
type Store struct{ db *pgxpool.Pool }

// New returns a store on db, which must be migrated.
func New(db *pgxpool.Pool) *Store { return &Store{db} }

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
