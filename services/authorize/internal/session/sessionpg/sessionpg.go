// Package sessionpg keeps sign-in sessions in Postgres.
package sessionpg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
)

var _ session.Store = (*Store)(nil)

// Store implements session.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store. keep is how long a restriction is kept.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db, keep} }

// columns are what scan reads. Ages are microseconds by the database's clock.
const columns = `
	id, sub, subject_version, user_agent, address_block, auth_time, expire_time,
	(extract(epoch FROM statement_timestamp() - auth_time) * 1000000)::bigint,
	(extract(epoch FROM statement_timestamp() - last_use_time) * 1000000)::bigint`

func scan(row pgx.Row) (session.Session, error) {
	var (
		s         session.Session
		age, idle int64
	)
	err := row.Scan(&s.ID, &s.Sub, &s.SubjectVersion, &s.UserAgent, &s.AddressBlock,
		&s.AuthTime, &s.ExpireTime, &age, &idle)
	s.Age, s.Idle = time.Duration(age)*time.Microsecond, time.Duration(idle)*time.Microsecond
	return s, err
}

// Create implements session.Store.
func (s *Store) Create(ctx context.Context, n session.New) (created session.Session, ended []coherent.Restriction, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		if ended, err = s.replace(ctx, tx, n); err != nil {
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
		return eventpg.Append(ctx, tx, session.Started(created))
	})
	return created, ended, err
}

// replace deletes the session that the new one stands in for. Tokens of the same
// subject go on: only another subject's end.
func (s *Store) replace(ctx context.Context, tx pgx.Tx, n session.New) ([]coherent.Restriction, error) {
	var (
		id  uuid.UUID
		sub string
	)
	err := tx.QueryRow(ctx, `DELETE FROM authorize.session WHERE digest = $1 RETURNING id, sub`, n.Replaces[:]).Scan(&id, &sub)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("delete session: %w", err)
	}
	if err := eventpg.Append(ctx, tx, session.Ended(id, sub)); err != nil || sub == n.Sub {
		return nil, err
	}
	ended := []coherent.Restriction{coherent.Session(id)}
	return ended, coherentpg.Append(ctx, tx, s.keep, ended...)
}

// Find implements session.Store.
func (s *Store) Find(ctx context.Context, digest secret.Digest, idle time.Duration) (session.Session, error) {
	found, err := scan(s.db.QueryRow(ctx, `
		SELECT `+columns+`
		  FROM authorize.session
		 WHERE digest = $1
		   AND expire_time > statement_timestamp()
		   AND last_use_time > statement_timestamp() - $2::interval`, digest[:], idle))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return session.Session{}, session.ErrNotFound
	case err != nil:
		return session.Session{}, fmt.Errorf("select session: %w", err)
	}
	return found, nil
}

// Touch implements session.Store.
func (s *Store) Touch(ctx context.Context, id uuid.UUID) error {
	_, err := s.db.Exec(ctx, `UPDATE authorize.session SET last_use_time = statement_timestamp() WHERE id = $1`, id)
	if err != nil {
		return fmt.Errorf("update session: %w", err)
	}
	return nil
}

// List implements session.Store.
func (s *Store) List(ctx context.Context, sub string, idle time.Duration) ([]session.Session, error) {
	rows, err := s.db.Query(ctx, `
		SELECT `+columns+`
		  FROM authorize.session
		 WHERE sub = $1
		   AND expire_time > statement_timestamp()
		   AND last_use_time > statement_timestamp() - $2::interval
		 ORDER BY auth_time DESC, id
		 LIMIT $3`, sub, idle, session.ListLimit)
	if err != nil {
		return nil, fmt.Errorf("select sessions: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (session.Session, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("select sessions: %w", err)
	}
	return list, nil
}

// End implements session.Store.
func (s *Store) End(ctx context.Context, id uuid.UUID) ([]coherent.Restriction, error) {
	ended := []coherent.Restriction{coherent.Session(id)}
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var sub string
		err := tx.QueryRow(ctx, `DELETE FROM authorize.session WHERE id = $1 RETURNING sub`, id).Scan(&sub)
		if err == nil {
			err = eventpg.Append(ctx, tx, session.Ended(id, sub))
		}
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("delete session: %w", err)
		}
		return coherentpg.Append(ctx, tx, s.keep, ended...)
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// Sweeps implements session.Store.
func (s *Store) Sweeps(idle time.Duration) []sweep.Table {
	return sweeppg.Tables(s.db, session.Sweeps(idle)...)
}
