package subject

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
	"github.com/chancery-auth/chancery/pkg/page"
)

// Store keeps subjects. It is safe for concurrent use, across
// processes too, and reads what was last committed.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Columns are those that [Scan] reads, of directory.subject.
const Columns = `sub, username, disabled, version, claims, create_time`

// Scan reads a row of [Columns], and what the query selects after them into more.
func Scan(row database.Row, more ...any) (Subject, error) {
	var (
		s      Subject
		claims string
	)
	into := append([]any{&s.Sub, &s.Username, &s.Disabled, &s.Version, &claims, &s.CreateTime}, more...)
	if err := row.Scan(into...); err != nil {
		return Subject{}, err
	}
	return s, s.Claims.UnmarshalText([]byte(claims))
}

// Create adds a subject with its first password, and returns it as stored. Version,
// Disabled and CreateTime are the store's. Fails with ErrExists.
func (s *Store) Create(ctx context.Context, n Subject, passwordHash string) (Subject, error) {
	claims, err := n.Claims.MarshalText()
	if err != nil {
		return Subject{}, fmt.Errorf("marshal claims: %w", err)
	}
	var created Subject
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		var err error
		created, err = Scan(tx.QueryRow(ctx, `
			INSERT INTO directory.subject (sub, username, claims)
			VALUES ($1, $2, $3)
			RETURNING `+Columns, n.Sub, n.Username, string(claims)))
		if database.Unique(err, "subject_username", "directory_subject.username") {
			return ErrExists
		}
		if err != nil {
			return fmt.Errorf("insert subject: %w", err)
		}
		_, err = tx.Exec(ctx, `INSERT INTO directory.credential (sub, password_hash) VALUES ($1, $2)`, n.Sub, passwordHash)
		if err != nil {
			return fmt.Errorf("insert credential: %w", err)
		}
		return eventdb.Append(ctx, tx, created.Happened(event.SubjectCreated))
	})
	return created, err
}

// Find returns a subject, disabled or not. Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, sub string) (Subject, error) {
	return found(Scan(s.db.QueryRow(ctx, `SELECT `+Columns+` FROM directory.subject WHERE sub = $1`, sub)))
}

// FindByUsername is Find by the exact bytes of the user name.
func (s *Store) FindByUsername(ctx context.Context, username string) (Subject, error) {
	return found(Scan(s.db.QueryRow(ctx, `SELECT `+Columns+` FROM directory.subject WHERE username = $1`, username)))
}

// found names the error of a query for one subject.
func found(s Subject, err error) (Subject, error) {
	if errors.Is(err, database.ErrNoRows) {
		return Subject{}, ErrNotFound
	}
	if err != nil {
		return Subject{}, fmt.Errorf("select subject: %w", err)
	}
	return s, nil
}

// List returns at most limit subjects behind after, by creation.
func (s *Store) List(ctx context.Context, after page.Cursor, limit int) ([]Subject, error) {
	subjects, err := database.Collect(ctx, s.db, func(row database.Row) (Subject, error) { return Scan(row) }, `
		SELECT `+Columns+`
		  FROM directory.subject
		 WHERE (create_time, sub) > ($1, $2)
		 ORDER BY create_time, sub
		 LIMIT $3`, after.CreateTime, after.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("select subjects: %w", err)
	}
	return subjects, nil
}

// Disable marks a subject and raises its version, each time it is called, and
// returns what it logged. Fails with ErrNotFound.
func (s *Store) Disable(ctx context.Context, sub string) (Subject, []coherent.Restriction, error) {
	var (
		disabled     Subject
		restrictions []coherent.Restriction
	)
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
		var err error
		disabled, err = found(Scan(tx.QueryRow(ctx, `
			UPDATE directory.subject
			   SET disabled = true, version = version + 1
			 WHERE sub = $1
			RETURNING `+Columns, sub)))
		if err != nil {
			return err
		}
		restrictions = []coherent.Restriction{coherent.Subject(sub, disabled.Version)}
		if err := eventdb.Append(ctx, tx, disabled.Happened(event.SubjectDisabled)); err != nil {
			return err
		}
		return coherentdb.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return Subject{}, nil, err
	}
	return disabled, restrictions, nil
}

// Enable takes the mark away; the version stays. Fails with ErrNotFound.
func (s *Store) Enable(ctx context.Context, sub string) (enabled Subject, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		enabled, err = found(Scan(tx.QueryRow(ctx, `
			UPDATE directory.subject
			   SET disabled = false
			 WHERE sub = $1
			RETURNING `+Columns, sub)))
		if err != nil {
			return err
		}
		return eventdb.Append(ctx, tx, enabled.Happened(event.SubjectEnabled))
	})
	return enabled, err
}
