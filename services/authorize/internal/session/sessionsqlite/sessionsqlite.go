// Package sessionsqlite keeps sign-in sessions in SQLite.
package sessionsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
)

var _ session.Store = (*Store)(nil)

// Store implements session.Store.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store. keep is how long a restriction is kept.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db, keep} }

// columns are what scan reads. Ages are by the database's clock.
const columns = `
	id, sub, subject_version, user_agent, address_block, auth_time, expire_time,
	` + sqlite.NowMicros + ` - auth_time,
	` + sqlite.NowMicros + ` - last_use_time`

func scan(row interface{ Scan(into ...any) error }) (session.Session, error) {
	var (
		s                     session.Session
		id                    []byte
		authTime, expireTime  int64
		ageMicros, idleMicros int64
	)
	err := row.Scan(&id, &s.Sub, &s.SubjectVersion, &s.UserAgent, &s.AddressBlock,
		&authTime, &expireTime, &ageMicros, &idleMicros)
	if err != nil {
		return session.Session{}, err
	}
	s.AuthTime, s.ExpireTime = sqlite.FromTime(authTime), sqlite.FromTime(expireTime)
	s.Age, s.Idle = time.Duration(ageMicros)*time.Microsecond, time.Duration(idleMicros)*time.Microsecond
	s.ID, err = uuid.FromBytes(id)
	return s, err
}

// Create implements session.Store.
func (s *Store) Create(ctx context.Context, n session.New) (created session.Session, ended []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		if ended, err = s.replace(ctx, tx, n); err != nil {
			return err
		}
		created, err = scan(tx.QueryRowContext(ctx, `
			INSERT INTO authorize_session (id, digest, sub, subject_version, user_agent, address_block, auth_time, last_use_time, expire_time)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, `+sqlite.NowMicros+`, `+sqlite.NowMicros+`, `+sqlite.NowMicros+` + ?7)
			RETURNING `+columns,
			n.ID[:], n.Digest[:], n.Sub, n.SubjectVersion, n.UserAgent, n.AddressBlock, n.Lifetime.Microseconds()))
		if err != nil {
			return fmt.Errorf("insert session: %w", err)
		}
		return eventsqlite.Append(ctx, tx, session.Started(created))
	})
	return created, ended, err
}

// replace deletes the session that the new one stands in for. Tokens of the same
// subject go on: only another subject's end.
func (s *Store) replace(ctx context.Context, tx *sql.Tx, n session.New) ([]coherent.Restriction, error) {
	var (
		id  []byte
		sub string
	)
	err := tx.QueryRowContext(ctx, `DELETE FROM authorize_session WHERE digest = ?1 RETURNING id, sub`, n.Replaces[:]).Scan(&id, &sub)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("delete session: %w", err)
	}
	if err := eventsqlite.Append(ctx, tx, session.Ended(uuid.UUID(id), sub)); err != nil || sub == n.Sub {
		return nil, err
	}
	ended := []coherent.Restriction{coherent.Session(uuid.UUID(id))}
	return ended, coherentsqlite.Append(ctx, tx, s.keep, ended...)
}

// Find implements session.Store.
func (s *Store) Find(ctx context.Context, digest secret.Digest, idle time.Duration) (session.Session, error) {
	found, err := scan(s.db.Read().QueryRowContext(ctx, `
		SELECT `+columns+`
		  FROM authorize_session
		 WHERE digest = ?1
		   AND expire_time > `+sqlite.NowMicros+`
		   AND last_use_time > `+sqlite.NowMicros+` - ?2`, digest[:], idle.Microseconds()))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return session.Session{}, session.ErrNotFound
	case err != nil:
		return session.Session{}, fmt.Errorf("select session: %w", err)
	}
	return found, nil
}

// Touch implements session.Store.
func (s *Store) Touch(ctx context.Context, id uuid.UUID) error {
	_, err := s.db.Write().ExecContext(ctx, `UPDATE authorize_session SET last_use_time = `+sqlite.NowMicros+` WHERE id = ?1`, id[:])
	if err != nil {
		return fmt.Errorf("update session: %w", err)
	}
	return nil
}

// List implements session.Store.
func (s *Store) List(ctx context.Context, sub string, idle time.Duration) ([]session.Session, error) {
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT `+columns+`
		  FROM authorize_session
		 WHERE sub = ?1
		   AND expire_time > `+sqlite.NowMicros+`
		   AND last_use_time > `+sqlite.NowMicros+` - ?2
		 ORDER BY auth_time DESC, id
		 LIMIT ?3`, sub, idle.Microseconds(), session.ListLimit)
	if err != nil {
		return nil, fmt.Errorf("select sessions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []session.Session
	for rows.Next() {
		found, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("scan session: %w", err)
		}
		list = append(list, found)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select sessions: %w", err)
	}
	return list, nil
}

// End implements session.Store.
func (s *Store) End(ctx context.Context, id uuid.UUID) ([]coherent.Restriction, error) {
	ended := []coherent.Restriction{coherent.Session(id)}
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		var sub string
		err := tx.QueryRowContext(ctx, `DELETE FROM authorize_session WHERE id = ?1 RETURNING sub`, id[:]).Scan(&sub)
		if err == nil {
			err = eventsqlite.Append(ctx, tx, session.Ended(id, sub))
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("delete session: %w", err)
		}
		return coherentsqlite.Append(ctx, tx, s.keep, ended...)
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// Sweeps implements session.Store.
func (s *Store) Sweeps(idle time.Duration) []sweep.Table {
	return sweepsqlite.Tables(s.db, session.Sweeps(idle)...)
}
