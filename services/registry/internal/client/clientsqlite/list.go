package clientsqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// ListOwned implements client.Lists.
func (s *Store) ListOwned(ctx context.Context, workspaceIDs []string) ([]client.Client, error) {
	ids, err := list(workspaceIDs)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT `+columns+`
		  FROM registry_client
		 WHERE workspace_id IN (SELECT value FROM json_each(?)) AND workspace_id <> ''
		 ORDER BY sort_key, client_id`, ids)
	return collect(rows, err)
}

// ListPublic implements client.Lists. A position instead of a pattern: no
// character of a word means anything but itself.
func (s *Store) ListPublic(ctx context.Context, words []string, after client.NamePlace, limit int) ([]client.Client, error) {
	encoded, err := list(words)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT `+columns+`
		  FROM registry_client
		 WHERE visibility = 'public'
		   AND registration_digest IS NULL
		   AND (sort_key, client_id) > (?, ?)
		   AND NOT EXISTS (SELECT 1 FROM json_each(?) AS word WHERE instr(search_text, word.value) = 0)
		 ORDER BY sort_key, client_id
		 LIMIT ?`, after.SortKey, after.ClientID, encoded, limit)
	return collect(rows, err)
}

// ListUnused implements client.Lists.
func (s *Store) ListUnused(ctx context.Context, age time.Duration, limit int) ([]string, error) {
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT client_id
		  FROM registry_client
		 WHERE registration_digest IS NOT NULL
		   AND last_use_time IS NULL
		   AND create_time <= `+sqlite.NowMicros+` - ?
		 ORDER BY create_time, client_id
		 LIMIT ?`, age.Microseconds(), limit)
	if err != nil {
		return nil, fmt.Errorf("select unused clients: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("select unused clients: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select unused clients: %w", err)
	}
	return ids, nil
}

// collect reads what a query returned.
func collect(rows *sql.Rows, err error) ([]client.Client, error) {
	if err != nil {
		return nil, fmt.Errorf("select clients: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var clients []client.Client
	for rows.Next() {
		c, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("select clients: %w", err)
		}
		clients = append(clients, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select clients: %w", err)
	}
	return clients, nil
}
