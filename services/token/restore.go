package token

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/services/token/internal/family/familypg"
	"github.com/chancery-auth/chancery/services/token/internal/family/familysqlite"
)

// Epochs are the restore epoch before and after it was raised.
type Epochs struct{ Before, After int64 }

// EndAllPostgres ends every code and token issued so far as part of tx: access
// tokens and codes by raising the restore epoch, refresh tokens by ending their
// families. It belongs to the runbook of a restore from backup, before anything
// serves. The role of tx must own the tables.
func EndAllPostgres(ctx context.Context, tx pgx.Tx) (e Epochs, err error) {
	if e.Before, err = coherentpg.RestoreEpoch(ctx, tx); err != nil {
		return Epochs{}, err
	}
	if e.After, err = coherentpg.RaiseRestoreEpoch(ctx, tx); err != nil {
		return Epochs{}, err
	}
	return e, familypg.EndAll(ctx, tx)
}

// EndAllSQLite is [EndAllPostgres] for the embedded database.
func EndAllSQLite(ctx context.Context, tx *sql.Tx) (e Epochs, err error) {
	if e.Before, err = coherentsqlite.RestoreEpoch(ctx, tx); err != nil {
		return Epochs{}, err
	}
	if e.After, err = coherentsqlite.RaiseRestoreEpoch(ctx, tx); err != nil {
		return Epochs{}, err
	}
	return e, familysqlite.EndAll(ctx, tx)
}
