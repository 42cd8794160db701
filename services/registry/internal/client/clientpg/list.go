package clientpg

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// ListOwned implements client.Lists.
func (s *Store) ListOwned(ctx context.Context, workspaceIDs []string) ([]client.Client, error) {
	rows, err := s.db.Query(ctx, `
		SELECT `+columns+`
		  FROM registry.client AS c
		 WHERE c.workspace_id = ANY ($1) AND c.workspace_id <> ''
		 ORDER BY c.sort_key, c.client_id`, list(workspaceIDs))
	if err != nil {
		return nil, fmt.Errorf("select clients: %w", err)
	}
	return collect(rows)
}

// ListPublic implements client.Lists. A position instead of a pattern: no
// character of a word means anything but itself.
func (s *Store) ListPublic(ctx context.Context, words []string, after client.NamePlace, limit int) ([]client.Client, error) {
	rows, err := s.db.Query(ctx, `
		SELECT `+columns+`
		  FROM registry.client AS c
		 WHERE c.visibility = 'public'
		   AND c.registration_digest IS NULL
		   AND (c.sort_key, c.client_id) > ($1, $2)
		   AND NOT EXISTS (SELECT FROM unnest($3::text[]) AS word WHERE strpos(c.search_text, word COLLATE "C") = 0)
		 ORDER BY c.sort_key, c.client_id
		 LIMIT $4`, after.SortKey, after.ClientID, list(words), limit)
	if err != nil {
		return nil, fmt.Errorf("select clients: %w", err)
	}
	return collect(rows)
}

// ListUnused implements client.Lists.
func (s *Store) ListUnused(ctx context.Context, age time.Duration, limit int) ([]string, error) {
	rows, err := s.db.Query(ctx, `
		SELECT client_id
		  FROM registry.client
		 WHERE registration_digest IS NOT NULL
		   AND last_use_time IS NULL
		   AND create_time <= statement_timestamp() - $1 * interval '1 microsecond'
		 ORDER BY create_time, client_id
		 LIMIT $2`, age.Microseconds(), limit)
	if err != nil {
		return nil, fmt.Errorf("select unused clients: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("select unused clients: %w", err)
	}
	return ids, nil
}

func collect(rows pgx.Rows) ([]client.Client, error) {
	clients, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (client.Client, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("select clients: %w", err)
	}
	return clients, nil
}
