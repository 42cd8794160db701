package logo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// Store keeps logos for as long as clients name them. It is safe
// for concurrent use, across processes too.
type Store struct{ db *database.DB }

// NewStore returns a store on db, which must be migrated.
func NewStore(db *database.DB) *Store { return &Store{db: db} }

// Find returns the PNG. Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, digest secret.Digest) (png []byte, err error) {
	err = s.db.QueryRow(ctx, `SELECT png FROM registry.logo WHERE digest = $1`, digest[:]).Scan(&png)
	if errors.Is(err, database.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("select logo: %w", err)
	}
	return png, nil
}

// Set gives the client the logo, or takes its logo away if l is nil. Nothing else
// of the client changes, its revision included. Fails with client.ErrNotFound.
func (s *Store) Set(ctx context.Context, clientID string, l *Logo) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		digest, err := insert(ctx, tx, l)
		if err != nil {
			return err
		}
		var scope string
		err = tx.QueryRow(ctx, `
			UPDATE registry.client
			   SET logo_digest = $2
			 WHERE client_id = $1
			RETURNING scope`, database.Key(clientID), digest).Scan(&scope)
		if errors.Is(err, database.ErrNoRows) {
			return client.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("update logo of client: %w", err)
		}
		changed := client.Client{ClientID: clientID, Scope: strings.Fields(scope)}
		return eventdb.Append(ctx, tx, client.Updated(ctx, changed, nil, nil)...)
	})
}

// insert returns the digest as a column has it: NULL for no logo. The update of a
// row that is there holds it against the sweep.
func insert(ctx context.Context, tx *database.Tx, l *Logo) ([]byte, error) {
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

// Sweeps returns the logos that no client has, for deletion.
func (s *Store) Sweeps() []sweep.Table {
	return []sweep.Table{{Name: "registry.logo", Now: s.db.Now, Delete: (&sweeper{db: s.db}).batch}}
}

// sweeper looks through the logos, page by page in the order of their digests.
type sweeper struct {
	db    *database.DB
	after []byte
}

// batch is sweep.Table.Delete. A row that somebody is about to use is locked, and
// is left to a later sweep.
func (s *sweeper) batch(ctx context.Context, _ time.Time, limit int) (b sweep.Batch, err error) {
	var looked int
	var last []byte
	after := append([]byte{}, s.after...)
	err = s.db.InBatch(ctx, func(tx *database.Tx) error {
		err := tx.QueryRow(ctx, `
			WITH page AS (SELECT digest FROM registry.logo WHERE digest > $1 ORDER BY digest LIMIT $2)
			SELECT count(*), (SELECT digest FROM page ORDER BY digest DESC LIMIT 1) FROM page`, after, limit).Scan(&looked, &last)
		if err != nil || looked == 0 {
			return err
		}
		b.Rows, err = tx.Exec(ctx, `
			DELETE FROM registry.logo
			 WHERE `+tx.Either(`ctid = ANY (ARRAY (SELECT l.ctid`, `digest IN (SELECT l.digest`)+`
			         FROM registry.logo AS l
			        WHERE l.digest > $1 AND l.digest <= $2
			          AND NOT EXISTS (SELECT 1 FROM registry.client AS c WHERE c.logo_digest = l.digest)
			          FOR UPDATE SKIP LOCKED`+tx.Either(`))`, `)`), after, last)
		return err
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
