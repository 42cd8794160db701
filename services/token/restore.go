package token

import (
	"context"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/services/token/internal/family"
)

// Epochs are the restore epoch before and after it was raised.
type Epochs struct{ Before, After int64 }

// EndAll ends every code and token issued so far as part of tx: access
// tokens and codes by raising the restore epoch, refresh tokens by ending their
// families. It belongs to the runbook of a restore from backup, before anything
// serves. On PostgreSQL the role of tx must own the tables.
func EndAll(ctx context.Context, tx *database.Tx) (e Epochs, err error) {
	if e.Before, err = coherentdb.RestoreEpoch(ctx, tx); err != nil {
		return Epochs{}, err
	}
	if e.After, err = coherentdb.RaiseRestoreEpoch(ctx, tx); err != nil {
		return Epochs{}, err
	}
	return e, family.EndAll(ctx, tx)
}
