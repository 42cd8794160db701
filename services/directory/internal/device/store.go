package device

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Store keeps devices. It is safe for concurrent use, across
// processes too.
type Store struct{ db *database.DB }

// NewStore returns a store on db, which must be migrated.
func NewStore(db *database.DB) *Store { return &Store{db} }

// Find returns those of digests by which the user of that exact name is known.
func (s *Store) Find(ctx context.Context, username string, digests []secret.Digest) ([]secret.Digest, error) {
	keys := make([][]byte, len(digests))
	for i := range digests {
		keys[i] = digests[i][:]
	}
	found, err := database.Collect(ctx, s.db, func(row database.Row) (secret.Digest, error) {
		digest, err := database.Scan[[]byte](row)
		return secret.Digest(digest), err
	}, `
		SELECT d.digest
		  FROM directory.device AS d
		  JOIN directory.subject AS s USING (sub)
		 WHERE s.username = $1
		   AND d.digest = ANY ($2::bytea[])
		   AND d.subject_version = s.version
		   AND d.expire_time > statement_timestamp()
		 ORDER BY d.digest`, username, keys)
	if err != nil {
		return nil, fmt.Errorf("select devices: %w", err)
	}
	return found, nil
}

// Remember keeps d for lifetime from now, whether or not it was known. Devices of
// the same user that have ended go, and so do those beyond [MaxPerSubject]. When
// the user's version is not that of d any more, nothing changes, and that is no
// error. The lock on the subject has one caller at a time count its devices.
func (s *Store) Remember(ctx context.Context, d Device, lifetime time.Duration) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		var version int64
		err := tx.QueryRow(ctx, `SELECT version FROM directory.subject WHERE sub = $1 FOR NO KEY UPDATE`, d.Sub).Scan(&version)
		switch {
		case errors.Is(err, database.ErrNoRows), err == nil && version != d.SubjectVersion:
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
				 LIMIT $3)`, d.Sub, d.SubjectVersion, MaxPerSubject)
		if err != nil {
			return fmt.Errorf("delete devices: %w", err)
		}
		return nil
	})
}

// Sweeps returns the devices that were not used for their lifetime, for deletion.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db, sweep.Rule{Table: "directory.device", Key: "digest", Due: "expire_time"})
}
