// Package devicepg keeps known devices in PostgreSQL.
package devicepg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/directory/internal/device"
)

var _ device.Store = (*Store)(nil)

// Store implements device.Store.
type Store struct{ db *pgxpool.Pool }

// New returns a store on db, which must be migrated.
func New(db *pgxpool.Pool) *Store { return &Store{db} }

// Find implements device.Store.
func (s *Store) Find(ctx context.Context, username string, digests []secret.Digest) ([]secret.Digest, error) {
	keys := make([][]byte, len(digests))
	for i := range digests {
		keys[i] = digests[i][:]
	}
	rows, err := s.db.Query(ctx, `
		SELECT d.digest
		  FROM directory.device AS d
		  JOIN directory.subject AS s USING (sub)
		 WHERE s.username = $1
		   AND d.digest = ANY($2)
		   AND d.subject_version = s.version
		   AND d.expire_time > statement_timestamp()
		 ORDER BY d.digest`, username, keys)
	if err != nil {
		return nil, fmt.Errorf("select devices: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (secret.Digest, error) {
		var digest []byte
		err := row.Scan(&digest)
		return secret.Digest(digest), err
	})
	if err != nil {
		return nil, fmt.Errorf("select devices: %w", err)
	}
	return found, nil
}

// Remember implements device.Store. The lock on the subject has one caller at a
// time count its devices.
func (s *Store) Remember(ctx context.Context, d device.Device, lifetime time.Duration) error {
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var version int64
		err := tx.QueryRow(ctx, `SELECT version FROM directory.subject WHERE sub = $1 FOR NO KEY UPDATE`, d.Sub).Scan(&version)
		switch {
		case errors.Is(err, pgx.ErrNoRows), err == nil && version != d.SubjectVersion:
			return nil
		case err != nil:
			return fmt.Errorf("lock subject: %w", err)
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO directory.device (digest, sub, subject_version, expire_time)
			VALUES ($1, $2, $3, statement_timestamp() + $4::interval)
			ON CONFLICT (digest) DO UPDATE
			   SET subject_version = excluded.subject_version, expire_time = excluded.expire_time`,
			d.Digest[:], d.Sub, d.SubjectVersion, lifetime)
		if err != nil {
			return fmt.Errorf("upsert device: %w", err)
		}
		_, err = tx.Exec(ctx, `
			DELETE FROM directory.device
			 WHERE sub = $1
			   AND digest NOT IN (
				SELECT digest FROM directory.device
				 WHERE sub = $1 AND subject_version = $2
				 ORDER BY expire_time DESC, digest
				 LIMIT $3)`, d.Sub, d.SubjectVersion, device.MaxPerSubject)
		if err != nil {
			return fmt.Errorf("delete devices: %w", err)
		}
		return nil
	})
}

// Sweeps implements device.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, device.Sweeps()...) }
