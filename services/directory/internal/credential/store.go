package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

// Store reads credentials. It is safe for concurrent use, across
// processes too.
// subjects, by subject.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Find returns the credential of the user of that exact name, disabled or not.
// Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, username string) (Credential, error) {
	var c Credential
	var err error
	c.Subject, err = subject.Scan(s.db.QueryRow(ctx, `
		SELECT `+subject.Columns+`, password_hash
		  FROM directory.subject
		  JOIN directory.credential USING (sub)
		 WHERE username = $1`, username), &c.PasswordHash)
	if errors.Is(err, database.ErrNoRows) {
		return Credential{}, ErrNotFound
	}
	if err != nil {
		return Credential{}, fmt.Errorf("select credential: %w", err)
	}
	return c, nil
}

// Replace puts another hash in place of the one in c. When that is not the current
// one any more, nothing changes, and that is no error.
func (s *Store) Replace(ctx context.Context, c Credential, passwordHash string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE directory.credential
		   SET password_hash = $3
		 WHERE sub = $1 AND password_hash = $2`, c.Subject.Sub, c.PasswordHash, passwordHash)
	if err != nil {
		return fmt.Errorf("update credential: %w", err)
	}
	return nil
}

// Change gives the user of that id another password and raises the user's version,
// each time it is called, and returns what it logged. Where present is not empty it
// has to be the current hash. Fails with subject.ErrNotFound and ErrChanged.
func (s *Store) Change(ctx context.Context, sub, present, passwordHash string) (changed subject.Subject, restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		changed, err = subject.Scan(tx.QueryRow(ctx, `
			UPDATE directory.subject
			   SET version = version + 1
			 WHERE sub = $1
			RETURNING `+subject.Columns, sub))
		switch {
		case errors.Is(err, database.ErrNoRows):
			return subject.ErrNotFound
		case err != nil:
			return fmt.Errorf("update subject: %w", err)
		}
		replaced, err := tx.Exec(ctx, `
			UPDATE directory.credential
			   SET password_hash = $3
			 WHERE sub = $1 AND ($2 = '' OR password_hash = $2)`, sub, present, passwordHash)
		switch {
		case err != nil:
			return fmt.Errorf("update credential: %w", err)
		case replaced == 0:
			return ErrChanged
		}
		restrictions = []coherent.Restriction{coherent.Subject(sub, changed.Version)}
		if err := eventdb.Append(ctx, tx, changed.Happened(event.PasswordChanged)); err != nil {
			return err
		}
		return coherentdb.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return subject.Subject{}, nil, err
	}
	return changed, restrictions, nil
}
