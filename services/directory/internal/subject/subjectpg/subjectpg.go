// Package subjectpg keeps subjects in PostgreSQL.
package subjectpg

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
	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

var _ subject.Store = (*Store)(nil)

// Store implements subject.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Columns are those that [Scan] reads, of directory.subject under the name s.
const Columns = `s.sub, s.username, s.disabled, s.version, s.claims, s.create_time`

// Scan reads a row of [Columns], and what the query selects after them into more.
func Scan(row pgx.Row, more ...any) (subject.Subject, error) {
	var (
		s      subject.Subject
		claims string
	)
	into := append([]any{&s.Sub, &s.Username, &s.Disabled, &s.Version, &claims, &s.CreateTime}, more...)
	if err := row.Scan(into...); err != nil {
		return subject.Subject{}, err
	}
	s.CreateTime = s.CreateTime.UTC()
	return s, s.Claims.UnmarshalText([]byte(claims))
}

// Create implements subject.Store.
func (s *Store) Create(ctx context.Context, n subject.Subject, passwordHash string) (subject.Subject, error) {
	claims, err := n.Claims.MarshalText()
	if err != nil {
		return subject.Subject{}, fmt.Errorf("marshal claims: %w", err)
	}
	var created subject.Subject
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var err error
		created, err = Scan(tx.QueryRow(ctx, `
			INSERT INTO directory.subject AS s (sub, username, claims)
			VALUES ($1, $2, $3)
			RETURNING `+Columns, n.Sub, n.Username, string(claims)))
		if pg.Unique(err, "subject_username") {
			return subject.ErrExists
		}
		if err != nil {
			return fmt.Errorf("insert subject: %w", err)
		}
		_, err = tx.Exec(ctx, `INSERT INTO directory.credential (sub, password_hash) VALUES ($1, $2)`, n.Sub, passwordHash)
		if err != nil {
			return fmt.Errorf("insert credential: %w", err)
		}
		return eventpg.Append(ctx, tx, created.Happened(event.SubjectCreated))
	})
	return created, err
}

// Find implements subject.Store.
func (s *Store) Find(ctx context.Context, sub string) (subject.Subject, error) {
	return found(Scan(s.db.QueryRow(ctx, `SELECT `+Columns+` FROM directory.subject AS s WHERE s.sub = $1`, sub)))
}

// FindByUsername implements subject.Store.
func (s *Store) FindByUsername(ctx context.Context, username string) (subject.Subject, error) {
	return found(Scan(s.db.QueryRow(ctx, `SELECT `+Columns+` FROM directory.subject AS s WHERE s.username = $1`, username)))
}

// found names the error of a query for one subject.
func found(s subject.Subject, err error) (subject.Subject, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return subject.Subject{}, subject.ErrNotFound
	}
	if err != nil {
		return subject.Subject{}, fmt.Errorf("select subject: %w", err)
	}
	return s, nil
}

// List implements subject.Store.
func (s *Store) List(ctx context.Context, after page.Cursor, limit int) ([]subject.Subject, error) {
	rows, err := s.db.Query(ctx, `
		SELECT `+Columns+`
		  FROM directory.subject AS s
		 WHERE (s.create_time, s.sub) > ($1, $2)
		 ORDER BY s.create_time, s.sub
		 LIMIT $3`, after.CreateTime, after.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("select subjects: %w", err)
	}
	subjects, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (subject.Subject, error) { return Scan(row) })
	if err != nil {
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
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var err error
		disabled, err = found(Scan(tx.QueryRow(ctx, `
			UPDATE directory.subject AS s
			   SET disabled = true, version = s.version + 1
			 WHERE s.sub = $1
			RETURNING `+Columns, sub)))
		if err != nil {
			return err
		}
		restrictions = []coherent.Restriction{coherent.Subject(sub, disabled.Version)}
		if err := eventpg.Append(ctx, tx, disabled.Happened(event.SubjectDisabled)); err != nil {
			return err
		}
		return coherentpg.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return subject.Subject{}, nil, err
	}
	return disabled, restrictions, nil
}

// Enable implements subject.Store.
func (s *Store) Enable(ctx context.Context, sub string) (enabled subject.Subject, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		enabled, err = found(Scan(tx.QueryRow(ctx, `
			UPDATE directory.subject AS s
			   SET disabled = false
			 WHERE s.sub = $1
			RETURNING `+Columns, sub)))
		if err != nil {
			return err
		}
		return eventpg.Append(ctx, tx, enabled.Happened(event.SubjectEnabled))
	})
	return enabled, err
}
