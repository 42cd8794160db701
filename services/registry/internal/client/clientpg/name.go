package clientpg

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// checkName fails if the client must not have its name, and has the preset not vouch
// for it if the name looks like that of another owner's client and of no vetted one of
// its own owner. The operators choose freely for what they vouch for.
func checkName(ctx context.Context, tx pgx.Tx, c *client.Client) error {
	if !c.OfOperators() {
		if err := checkHold(ctx, tx, *c); err != nil {
			return err
		}
	}
	if c.VouchedFor() {
		return nil
	}
	look := c.NameSkeleton()
	if err := lock(ctx, tx, "name/"+hex.EncodeToString(look)); err != nil {
		return err
	}
	var vouched, alike bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (
		       SELECT FROM registry.client
		        WHERE name_skeleton = $1 AND registration_digest IS NULL AND client_id <> $2
		          AND workspace_id = '' AND NOT unverified),
		       EXISTS (
		       SELECT FROM registry.client
		        WHERE name_skeleton = $1 AND registration_digest IS NULL AND client_id <> $2
		          AND (workspace_id <> $3 OR $3 = ''))
		   AND NOT EXISTS (
		       SELECT FROM registry.client
		        WHERE name_skeleton = $1 AND registration_digest IS NULL AND client_id <> $2
		          AND workspace_id = $3 AND NOT unverified)`,
		look, c.ClientID, c.WorkspaceID).Scan(&vouched, &alike)
	switch {
	case err != nil:
		return fmt.Errorf("compare client name: %w", err)
	case vouched:
		return client.ErrNameVouched
	case alike && c.VettedByPreset:
		c.Vetted = false
	}
	return nil
}

// checkHold fails if the client's name is held, and for others alone.
func checkHold(ctx context.Context, tx pgx.Tx, c client.Client) error {
	held, err := count(ctx, tx, `
		SELECT count(*)
		  FROM registry.deleted_client AS d
		 WHERE d.name_digest = $1 AND d.expire_time > statement_timestamp()
		   AND ($2 = ''
		        OR NOT EXISTS (
		           SELECT FROM registry.deleted_client AS own
		            WHERE own.name_digest = d.name_digest AND own.expire_time > statement_timestamp() AND own.workspace_id = $2)
		       AND NOT EXISTS (
		           SELECT FROM registry.client
		            WHERE workspace_id = $2 AND workspace_id <> '' AND sort_key = $3 AND client_id <> $4))`,
		c.NameDigest(), c.WorkspaceID, c.NameKey(), c.ClientID)
	if err == nil && held > 0 {
		return client.ErrNameHeld
	}
	return err
}

// ReadNames implements client.Store.
func (s *Store) ReadNames(ctx context.Context, limit int) (read int, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT `+columns+`
			  FROM registry.client AS c
			 WHERE c.registration_digest IS NULL AND c.name_skeleton IS NULL
			 ORDER BY c.workspace_id, c.client_id
			 LIMIT $1
			   FOR UPDATE SKIP LOCKED`, limit)
		if err != nil {
			return fmt.Errorf("select client names: %w", err)
		}
		found, err := collect(rows)
		if err != nil {
			return err
		}
		read = len(found)
		ids, looks := make([]string, read), make([][]byte, read)
		for i, c := range found {
			ids[i], looks[i] = c.ClientID, c.NameSkeleton()
		}
		_, err = tx.Exec(ctx, `
			UPDATE registry.client AS c
			   SET name_skeleton = n.look
			  FROM unnest($1::text[], $2::bytea[]) AS n (client_id, look)
			 WHERE c.client_id = n.client_id`, ids, looks)
		if err != nil {
			return fmt.Errorf("update client names: %w", err)
		}
		return nil
	})
	return read, err
}
