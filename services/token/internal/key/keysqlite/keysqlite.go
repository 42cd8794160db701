// Package keysqlite keeps keys in SQLite.
package keysqlite

import (
	"context"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/token/internal/key"
)

// Store implements key.Store.
type Store struct{ db *sqlite.DB }

// New returns a store.
func New(db *sqlite.DB) *Store { return &Store{db} }

// Create implements key.Store.
func (s *Store) Create(ctx context.Context, k key.Stored) error {
	result, err := s.db.Write().ExecContext(ctx, `
		INSERT INTO token_key (purpose, generation, ciphertext, create_time)
		VALUES (?1, ?2, ?3, `+sqlite.NowMicros+`)
		ON CONFLICT DO NOTHING`, k.Purpose, k.Generation, k.Ciphertext)
	if err != nil {
		return fmt.Errorf("insert key: %w", err)
	}
	inserted, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("insert key: %w", err)
	}
	if inserted == 0 {
		return key.ErrExists
	}
	return nil
}

// List implements key.Store.
func (s *Store) List(ctx context.Context) (keys []key.Stored, err error) {
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT purpose, generation, ciphertext, create_time
		  FROM token_key
		 ORDER BY purpose, generation`)
	if err != nil {
		return nil, fmt.Errorf("select keys: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	for rows.Next() {
		var k key.Stored
		var created int64
		if err := rows.Scan(&k.Purpose, &k.Generation, &k.Ciphertext, &created); err != nil {
			return nil, fmt.Errorf("scan key: %w", err)
		}
		k.CreateTime = sqlite.FromTime(created)
		keys = append(keys, k)
	}
	return keys, rows.Err()
}
