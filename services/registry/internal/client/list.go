package client

import (
	"context"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
)

// ListOwned returns every client that one of the workspaces owns, by name: by the
// bytes of the sort key, and of the id where those are equal.
func (s *Store) ListOwned(ctx context.Context, workspaceIDs []string) ([]Client, error) {
	return collect(ctx, s.db, `
		SELECT `+columns+`
		  FROM registry.client
		 WHERE workspace_id = ANY ($1) AND workspace_id <> ''
		 ORDER BY sort_key, client_id`, workspaceIDs)
}

// The position of a word instead of a pattern: no character of a word means anything
// but itself.
const (
	positionPostgres = `strpos(search_text, value COLLATE "C")`
	positionSQLite   = `instr(search_text, value)`
)

// ListPublic returns up to limit clients after the place that are public, and
// whose search text has each of the words, by name.
func (s *Store) ListPublic(ctx context.Context, words []string, after NamePlace, limit int) ([]Client, error) {
	return collect(ctx, s.db, `
		SELECT `+columns+`
		  FROM registry.client
		 WHERE visibility = 'public'
		   AND registration_digest IS NULL
		   AND (sort_key, client_id) > ($1, $2)
		   AND NOT EXISTS (SELECT 1 FROM unnest($3::text[]) AS word (value) WHERE `+s.db.Either(positionPostgres, positionSQLite)+` = 0)
		 ORDER BY sort_key, client_id
		 LIMIT $4`, after.SortKey, after.ClientID, words, limit)
}

// ListUnused returns the ids of up to limit clients, oldest first, that
// registered themselves at least age ago and never authenticated since.
func (s *Store) ListUnused(ctx context.Context, age time.Duration, limit int) ([]string, error) {
	ids, err := database.Collect(ctx, s.db, database.Scan[string], `
		SELECT client_id
		  FROM registry.client
		 WHERE registration_digest IS NOT NULL
		   AND last_use_time IS NULL
		   AND create_time <= statement_timestamp() - $1::interval
		 ORDER BY create_time, client_id
		 LIMIT $2`, age, limit)
	if err != nil {
		return nil, fmt.Errorf("select unused clients: %w", err)
	}
	return ids, nil
}

func collect(ctx context.Context, c database.Conn, text string, args ...any) ([]Client, error) {
	clients, err := database.Collect(ctx, c, scan, text, args...)
	if err != nil {
		return nil, fmt.Errorf("select clients: %w", err)
	}
	return clients, nil
}
