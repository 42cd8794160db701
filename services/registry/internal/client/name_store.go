package client

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/database"
)

// checkName fails if the client must not have its name, and has the preset not vouch
// for it if the name looks like that of another owner's client and of no vetted one of
// its own owner. The operators choose freely for what they vouch for.
func checkName(ctx context.Context, tx *database.Tx, c *Client) error {
	if !c.OfOperators() {
		if err := checkHold(ctx, tx, *c); err != nil {
			return err
		}
	}
	if c.VouchedFor() {
		return nil
	}
	look := c.NameSkeleton()
	if err := tx.Lock(ctx, lock+"name/"+hex.EncodeToString(look)); err != nil {
		return err
	}
	var vouched, alike bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (
		       SELECT 1 FROM registry.client
		        WHERE name_skeleton = $1 AND registration_digest IS NULL AND client_id <> $2
		          AND workspace_id = '' AND NOT unverified),
		       EXISTS (
		       SELECT 1 FROM registry.client
		        WHERE name_skeleton = $1 AND registration_digest IS NULL AND client_id <> $2
		          AND (workspace_id <> $3 OR $3 = ''))
		   AND NOT EXISTS (
		       SELECT 1 FROM registry.client
		        WHERE name_skeleton = $1 AND registration_digest IS NULL AND client_id <> $2
		          AND workspace_id = $3 AND NOT unverified)`,
		look, c.ClientID, c.WorkspaceID).Scan(&vouched, &alike)
	switch {
	case err != nil:
		return fmt.Errorf("compare client name: %w", err)
	case vouched:
		return ErrNameVouched
	case alike && c.VettedByPreset:
		c.Vetted = false
	}
	return nil
}

// checkHold fails if the client's name is held, and for others alone.
func checkHold(ctx context.Context, tx *database.Tx, c Client) error {
	held, err := count(ctx, tx, `
		SELECT count(*)
		  FROM registry.deleted_client AS d
		 WHERE d.name_digest = $1 AND d.expire_time > statement_timestamp()
		   AND ($2 = ''
		        OR NOT EXISTS (
		           SELECT 1 FROM registry.deleted_client AS own
		            WHERE own.name_digest = d.name_digest AND own.expire_time > statement_timestamp() AND own.workspace_id = $2)
		       AND NOT EXISTS (
		           SELECT 1 FROM registry.client
		            WHERE workspace_id = $2 AND workspace_id <> '' AND sort_key = $3 AND client_id <> $4))`,
		c.NameDigest(), c.WorkspaceID, c.NameKey(), c.ClientID)
	if err == nil && held > 0 {
		return ErrNameHeld
	}
	return err
}

// ReadNames stores what names look like where it is not known: those of up to limit
// clients that did not register themselves, the operators' first. It returns how
// many it has read.
func (s *Store) ReadNames(ctx context.Context, limit int) (read int, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		found, err := collect(ctx, tx, `
			SELECT `+columns+`
			  FROM registry.client
			 WHERE registration_digest IS NULL AND name_skeleton IS NULL
			 ORDER BY workspace_id, client_id
			 LIMIT $1
			   FOR UPDATE SKIP LOCKED`, limit)
		if err != nil {
			return err
		}
		read = len(found)
		var batch database.Batch
		for _, c := range found {
			batch.Queue(`UPDATE registry.client SET name_skeleton = $1 WHERE client_id = $2`, c.NameSkeleton(), c.ClientID)
		}
		if err := tx.Send(ctx, batch); err != nil {
			return fmt.Errorf("update client names: %w", err)
		}
		return nil
	})
	return read, err
}
