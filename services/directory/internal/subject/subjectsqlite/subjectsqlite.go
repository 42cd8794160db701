// Package subjectsqlite keeps subjects in SQLite.
package subjectsqlite

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
	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

var _ subject.Store = (*Store)(nil)

// Store implements subject.Store.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Columns are those that [Scan] reads, of directory_subject.
const Columns = `sub, username, disabled, version, claims, create_time`

// Scan reads a row of [Columns], and what the query selects after them into more.
func Scan(row interface{ Scan(into ...any) error }, more ...any) (subject.Subject, error) {
	var (
		s      subject.Subject
		claims string
		micros int64
	)
	into := append([]any{&s.Sub, &s.Username, &s.Disabled, &s.Version, &claims, &micros}, more...)
	if err := row.Scan(into...); err != nil {
		return subject.Subject{}, err
	}
	s.CreateTime = sqlite.FromTime(micros)
	return s, s.Claims.UnmarshalText([]byte(claims))
}

// Create implements subject.Store.
func (s *Store) Create(ctx context.Context, n subject.Subject, passwordHash string) (subject.Subject, error) {
	claims, err := n.Claims.MarshalText()
	if err != nil {
		return subject.Subject{}, fmt.Errorf("marshal claims: %w", err)
	}
	var created subject.Subject
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		var err error
		created, err = Scan(tx.QueryRowContext(ctx, `
			INSERT INTO directory_subject (sub, username, claims)
			VALUES (?, ?, ?)
			RETURNING `+Columns, n.Sub, n.Username, string(claims)))
		if sqlite.Unique(err, "directory_subject.username") {
			return subject.ErrExists
		}
		if err != nil {
			return fmt.Errorf("insert subject: %w", err)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO directory_credential (sub, password_hash) VALUES (?, ?)`, n.Sub, passwordHash)
		if err != nil {
			return fmt.Errorf("insert credential: %w", err)
		}
		return eventsqlite.Append(ctx, tx, created.Happened(event.SubjectCreated))
	})
	return created, err
}

// Find implements subject.Store.
func (s *Store) Find(ctx context.Context, sub string) (subject.Subject, error) {
	return found(Scan(s.db.Read().QueryRowContext(ctx, `SELECT `+Columns+` FROM directory_subject WHERE sub = ?`, sub)))
}

// FindByUsername implements subject.Store.
func (s *Store) FindByUsername(ctx context.Context, username string) (subject.Subject, error) {
	return found(Scan(s.db.Read().QueryRowContext(ctx, `SELECT `+Columns+` FROM directory_subject WHERE username = ?`, username)))
}

// found names the error of a query for one subject.
func found(s subject.Subject, err error) (subject.Subject, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return subject.Subject{}, subject.ErrNotFound
	}
	if err != nil {
		return subject.Subject{}, fmt.Errorf("select subject: %w", err)
	}
	return s, nil
}

// List implements subject.Store.
func (s *Store) List(ctx context.Context, after page.Cursor, limit int) ([]subject.Subject, error) {
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT `+Columns+`
		  FROM directory_subject
		 WHERE (create_time, sub) > (?, ?)
		 ORDER BY create_time, sub
		 LIMIT ?`, sqlite.Time(after.CreateTime), after.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("select subjects: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var subjects []subject.Subject
	for rows.Next() {
		found, err := Scan(rows)
		if err != nil {
			return nil, fmt.Errorf("select subjects: %w", err)
		}
		subjects = append(subjects, found)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select subjects: %w", err)
	}
	return subjects, nil
}

// Disable implements subject.Store.
func (s *Store) Disable(ctx context.Context, sub string) (subject.Subject, []coherent.Restriction, error) {
	var (
		disabled     subject.Subject
		restrictions []coherent.Restriction
	)
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		var err error
		disabled, err = found(Scan(tx.QueryRowContext(ctx, `
			UPDATE directory_subject
			   SET disabled = 1, version = version + 1
			 WHERE sub = ?
			RETURNING `+Columns, sub)))
		if err != nil {
			return err
		}
		restrictions = []coherent.Restriction{coherent.Subject(sub, disabled.Version)}
		if err := eventsqlite.Append(ctx, tx, disabled.Happened(event.SubjectDisabled)); err != nil {
			return err
		}
		return coherentsqlite.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return subject.Subject{}, nil, err
	}
	return disabled, restrictions, nil
}

// Enable implements subject.Store.
func (s *Store) Enable(ctx context.Context, sub string) (enabled subject.Subject, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		enabled, err = found(Scan(tx.QueryRowContext(ctx, `
			UPDATE directory_subject
			   SET disabled = 0
			 WHERE sub = ?
			RETURNING `+Columns, sub)))
		if err != nil {
			return err
		}
		return eventsqlite.Append(ctx, tx, enabled.Happened(event.SubjectEnabled))
	})
	return enabled, err
}
