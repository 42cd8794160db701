package clientsqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// checkName fails if the client must not have its name, and has the preset not vouch
// for it if the name looks like that of another owner's client and of no vetted one of
// its own owner. The operators choose freely for what they vouch for.
func checkName(ctx context.Context, tx *sql.Tx, c *client.Client) error {
	if !c.OfOperators() {
		if err := checkHold(ctx, tx, *c); err != nil {
			return err
		}
	}
	if c.VouchedFor() {
		return nil
	}
	var vouched, alike bool
	err := tx.QueryRowContext(ctx, `
		SELECT EXISTS (
		       SELECT 1 FROM registry_client
		        WHERE name_skeleton = ?1 AND registration_digest IS NULL AND client_id <> ?2
		          AND workspace_id = '' AND NOT unverified),
		       EXISTS (
		       SELECT 1 FROM registry_client
		        WHERE name_skeleton = ?1 AND registration_digest IS NULL AND client_id <> ?2
		          AND (workspace_id <> ?3 OR ?3 = ''))
		   AND NOT EXISTS (
		       SELECT 1 FROM registry_client
		        WHERE name_skeleton = ?1 AND registration_digest IS NULL AND client_id <> ?2
		          AND workspace_id = ?3 AND NOT unverified)`,
		c.NameSkeleton(), c.ClientID, c.WorkspaceID).Scan(&vouched, &alike)
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
func checkHold(ctx context.Context, tx *sql.Tx, c client.Client) error {
	held, err := count(ctx, tx, `
		SELECT count(*)
		  FROM registry_deleted_client AS d
		 WHERE d.name_digest = ?1 AND d.expire_time > CAST(unixepoch('subsec')*1000000 AS INTEGER)
		   AND (?2 = ''
		        OR NOT EXISTS (
		           SELECT 1 FROM registry_deleted_client AS own
		            WHERE own.name_digest = d.name_digest AND own.expire_time > CAST(unixepoch('subsec')*1000000 AS INTEGER) AND own.workspace_id = ?2)
		       AND NOT EXISTS (
		           SELECT 1 FROM registry_client
		            WHERE workspace_id = ?2 AND workspace_id <> '' AND sort_key = ?3 AND client_id <> ?4))`,
		c.NameDigest(), c.WorkspaceID, c.NameKey(), c.ClientID)
	if err == nil && held > 0 {
		return client.ErrNameHeld
	}
	return err
}

// ReadNames implements client.Store.
func (s *Store) ReadNames(ctx context.Context, limit int) (read int, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		found, err := collect(tx.QueryContext(ctx, `
			SELECT `+columns+`
			  FROM registry_client
			 WHERE registration_digest IS NULL AND name_skeleton IS NULL
			 ORDER BY workspace_id, client_id
			 LIMIT ?`, limit))
		if err != nil {
			return err
		}
		for _, c := range found {
			_, err := tx.ExecContext(ctx, `UPDATE registry_client SET name_skeleton = ? WHERE client_id = ?`, c.NameSkeleton(), c.ClientID)
			if err != nil {
				return fmt.Errorf("update client name: %w", err)
			}
		}
		read = len(found)
		return nil
	})
	return read, err
}
