// Package devicesqlite keeps known devices in SQLite.
package devicesqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/device"
)

var _ device.Store = (*Store)(nil)

// Store implements device.Store.
type Store struct{ db *sqlite.DB }

// New returns a store on db, which must be migrated.
func New(db *sqlite.DB) *Store { return &Store{db} }

// Find implements device.Store. It asks for one digest at a time: there are few.
func (s *Store) Find(ctx context.Context, username string, digests []secret.Digest) ([]secret.Digest, error) {
	var found []secret.Digest
	for _, digest := range digests {
		var is bool
		err := s.db.Read().QueryRowContext(ctx, `
			SELECT EXISTS (
				SELECT 1
				  FROM directory_device AS d
				  JOIN directory_subject AS s USING (sub)
				 WHERE s.username = ?
				   AND d.digest = ?
				   AND d.subject_version = s.version
				   AND d.expire_time > `+sqlite.NowMicros+`)`, username, digest[:]).Scan(&is)
		if err != nil {
			return nil, fmt.Errorf("select device: %w", err)
		}
		if is {
			found = append(found, digest)
		}
	}
	return found, nil
}

const upsert = `
	INSERT INTO directory_device (digest, sub, subject_version, expire_time)
	VALUES (?1, ?2, ?3, ` + sqlite.NowMicros + ` + ?4)
	ON CONFLICT (digest) DO UPDATE
	   SET subject_version = excluded.subject_version, expire_time = excluded.expire_time`

// Remember implements device.Store.
func (s *Store) Remember(ctx context.Context, d device.Device, lifetime time.Duration) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		var version int64
		err := tx.QueryRowContext(ctx, `SELECT version FROM directory_subject WHERE sub = ?`, d.Sub).Scan(&version)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && version != d.SubjectVersion:
			return nil
		case err != nil:
			return fmt.Errorf("select subject: %w", err)
		}
		_, err = tx.ExecContext(ctx, upsert, d.Digest[:], d.Sub, d.SubjectVersion, lifetime.Microseconds())
		if err != nil {
			return fmt.Errorf("upsert device: %w", err)
		}
		_, err = tx.ExecContext(ctx, `
			DELETE FROM directory_device
			 WHERE sub = ?1
			   AND digest NOT IN (
				SELECT digest FROM directory_device
				 WHERE sub = ?1 AND subject_version = ?2
				 ORDER BY expire_time DESC, digest
				 LIMIT ?3)`, d.Sub, d.SubjectVersion, device.MaxPerSubject)
		if err != nil {
			return fmt.Errorf("delete devices: %w", err)
		}
		return nil
	})
}

// Sweeps implements device.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, device.Sweeps()...) }
