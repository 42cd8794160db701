// Package logopg keeps logos in PostgreSQL.
package logopg

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
)

var _ logo.Store = (*Store)(nil)

// Store implements logo.Store.
type Store struct{ db *pgxpool.Pool }

// New returns a store on db, which must be migrated.
func New(db *pgxpool.Pool) *Store { return &Store{db: db} }

// Find implements logo.Store.
func (s *Store) Find(ctx context.Context, digest secret.Digest) (png []byte, err error) {
	err = s.db.QueryRow(ctx, `SELECT png FROM registry.logo WHERE digest = $1`, digest[:]).Scan(&png)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, logo.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("select logo: %w", err)
	}
	return png, nil
}

// Set implements logo.Store.
func (s *Store) Set(ctx context.Context, clientID string, l *logo.Logo) error {
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		digest, err := insert(ctx, tx, l)
		if err != nil {
			return err
		}
		var scope string
		err = tx.QueryRow(ctx, `
			UPDATE registry.client
			   SET logo_digest = $2
			 WHERE client_id = $1
			RETURNING scope`, key(clientID), digest).Scan(&scope)
		if errors.Is(err, pgx.ErrNoRows) {
			return client.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("update logo of client: %w", err)
		}
		changed := client.Client{ClientID: clientID, Scope: strings.Fields(scope)}
		return eventpg.Append(ctx, tx, client.Updated(ctx, changed, nil, nil)...)
	})
}

// insert returns the digest as a column has it: NULL for no logo. The update of a
// row that is there holds it against the sweep.
func insert(ctx context.Context, tx pgx.Tx, l *logo.Logo) ([]byte, error) {
	if l == nil {
		return nil, nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO registry.logo (digest, png)
		VALUES ($1, $2)
		ON CONFLICT (digest) DO UPDATE SET png = excluded.png`, l.Digest[:], l.PNG)
	if err != nil {
		return nil, fmt.Errorf("insert logo: %w", err)
	}
	return l.Digest[:], nil
}

// Sweeps implements logo.Store.
func (s *Store) Sweeps() []sweep.Table {
	return []sweep.Table{{Name: "registry.logo", Now: sweeppg.Now(s.db), Delete: (&sweeper{db: s.db}).batch}}
}

// sweeper looks through the logos, page by page in the order of their digests.
type sweeper struct {
	db    *pgxpool.Pool
	after []byte
}

// batch is sweep.Table.Delete. A row that somebody is about to use is locked, and
// is left to a later sweep.
func (s *sweeper) batch(ctx context.Context, _ time.Time, limit int) (b sweep.Batch, err error) {
	var looked int
	var last []byte
	err = sweeppg.InBatch(ctx, s.db, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
		WITH page AS MATERIALIZED (
			SELECT digest FROM registry.logo WHERE digest > $1 ORDER BY digest LIMIT $2
		), gone AS (
			DELETE FROM registry.logo
			 WHERE ctid = ANY (ARRAY (
			       SELECT l.ctid
			         FROM registry.logo AS l
			        WHERE l.digest = ANY (ARRAY (SELECT digest FROM page))
			          AND NOT EXISTS (SELECT FROM registry.client AS c WHERE c.logo_digest = l.digest)
			          FOR UPDATE SKIP LOCKED))
			RETURNING digest
		)
		SELECT (SELECT count(*) FROM gone), count(*), (array_agg(digest ORDER BY digest DESC))[1] FROM page`,
			append([]byte{}, s.after...), limit).Scan(&b.Rows, &looked, &last)
	})
	if err != nil {
		return sweep.Batch{}, fmt.Errorf("delete logos: %w", err)
	}
	s.after = nil
	if b.More = looked == limit; b.More {
		s.after = last
	}
	return b, nil
}

// key returns s as a key to look up. No row has the empty key, and PostgreSQL
// would refuse NUL as an error.
func key(s string) string {
	if strings.ContainsRune(s, 0) {
		return ""
	}
	return s
}
