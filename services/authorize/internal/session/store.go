package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Store keeps sessions. It is safe for concurrent use, across processes too.
//
// A session that is over by the database's clock is not found, whether or not it
// was swept. idle is how long it may be unused.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store. keep is how long a restriction is kept.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db, keep} }

// columns are what scan reads. Ages are by the database's clock.
const columns = `
	id, sub, subject_version, user_agent, address_block, auth_time, expire_time,
	statement_timestamp() - auth_time, statement_timestamp() - last_use_time`

func scan(row database.Row) (s Session, err error) {
	err = row.Scan(&s.ID, &s.Sub, &s.SubjectVersion, &s.UserAgent, &s.AddressBlock, &s.AuthTime, &s.ExpireTime, &s.Age, &s.Idle)
	return s, err
}

// Create adds n under its digest, for its lifetime from now, and returns it with
// its times. It deletes the session that n replaces, if there is one; where
// that was another subject's, its end is logged and returned.
func (s *Store) Create(ctx context.Context, n New) (created Session, restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		if restrictions, err = s.replace(ctx, tx, n); err != nil {
			return err
		}
		created, err = scan(tx.QueryRow(ctx, `
			INSERT INTO authorize.session (id, digest, sub, subject_version, user_agent, address_block, auth_time, last_use_time, expire_time)
			VALUES ($1, $2, $3, $4, $5, $6, statement_timestamp(), statement_timestamp(), statement_timestamp() + $7::interval)
			RETURNING `+columns,
			n.ID, n.Digest[:], n.Sub, n.SubjectVersion, n.UserAgent, n.AddressBlock, n.Lifetime))
		if err != nil {
			return fmt.Errorf("insert session: %w", err)
		}
		return eventdb.Append(ctx, tx, started(created))
	})
	return created, restrictions, err
}

// replace deletes the session that the new one stands in for. Tokens of the same
// subject go on: only another subject's end.
func (s *Store) replace(ctx context.Context, tx *database.Tx, n New) ([]coherent.Restriction, error) {
	var (
		id  uuid.UUID
		sub string
	)
	err := tx.QueryRow(ctx, `DELETE FROM authorize.session WHERE digest = $1 RETURNING id, sub`, n.Replaces[:]).Scan(&id, &sub)
	switch {
	case errors.Is(err, database.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("delete session: %w", err)
	}
	if err := eventdb.Append(ctx, tx, ended(id, sub)); err != nil || sub == n.Sub {
		return nil, err
	}
	restriction := coherent.Session(id)
	return []coherent.Restriction{restriction}, coherentdb.Append(ctx, tx, s.keep, restriction)
}

// Find reads the primary. Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, digest secret.Digest, idle time.Duration) (Session, error) {
	found, err := scan(s.db.QueryRow(ctx, `
		SELECT `+columns+`
		  FROM authorize.session
		 WHERE digest = $1
		   AND expire_time > statement_timestamp()
		   AND last_use_time > statement_timestamp() - $2::interval`, digest[:], idle))
	switch {
	case errors.Is(err, database.ErrNoRows):
		return Session{}, ErrNotFound
	case err != nil:
		return Session{}, fmt.Errorf("select session: %w", err)
	}
	return found, nil
}

// Touch notes that the session is in use.
func (s *Store) Touch(ctx context.Context, id uuid.UUID) error {
	_, err := s.db.Exec(ctx, `UPDATE authorize.session SET last_use_time = statement_timestamp() WHERE id = $1`, id)
	if err != nil {
		return fmt.Errorf("update session: %w", err)
	}
	return nil
}

// List returns the live sessions of a subject, newest first, at most [ListLimit].
func (s *Store) List(ctx context.Context, sub string, idle time.Duration) ([]Session, error) {
	list, err := database.Collect(ctx, s.db, scan, `
		SELECT `+columns+`
		  FROM authorize.session
		 WHERE sub = $1
		   AND expire_time > statement_timestamp()
		   AND last_use_time > statement_timestamp() - $2::interval
		 ORDER BY auth_time DESC, id
		 LIMIT $3`, sub, idle, ListLimit)
	if err != nil {
		return nil, fmt.Errorf("select sessions: %w", err)
	}
	return list, nil
}

// End deletes the session and logs the end of what is bound to it, even
// where the row is gone already: what is bound to it may live longer.
func (s *Store) End(ctx context.Context, id uuid.UUID) ([]coherent.Restriction, error) {
	restriction := coherent.Session(id)
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
		var sub string
		err := tx.QueryRow(ctx, `DELETE FROM authorize.session WHERE id = $1 RETURNING sub`, id).Scan(&sub)
		if err == nil {
			err = eventdb.Append(ctx, tx, ended(id, sub))
		}
		if err != nil && !errors.Is(err, database.ErrNoRows) {
			return fmt.Errorf("delete session: %w", err)
		}
		return coherentdb.Append(ctx, tx, s.keep, restriction)
	})
	if err != nil {
		return nil, err
	}
	return []coherent.Restriction{restriction}, nil
}

// Sweeps returns the sessions that are over, for deletion.
func (s *Store) Sweeps(idle time.Duration) []sweep.Table {
	return database.Sweeps(s.db,
		sweep.Rule{Table: "authorize.session", Key: "id", Due: "expire_time"},
		sweep.Rule{Table: "authorize.session", Key: "id", Due: "last_use_time", After: idle})
}
