// Package sweeppg deletes due rows from Postgres.
package sweeppg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Tables is database.Sweeps.
func Tables(db *pgxpool.Pool, rules ...sweep.Rule) []sweep.Table {
	return database.Sweeps(database.Postgres(db), rules...)
}

// Now is database.Now.
func Now(db *pgxpool.Pool) func(context.Context) (time.Time, error) { return database.Postgres(db).Now }

// InBatch is database.InBatch.
func InBatch(ctx context.Context, db *pgxpool.Pool, f func(tx pgx.Tx) error) error {
	return pg.InTx(ctx, db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', '1s', true)`)
		if err != nil {
			return err
		}
		return f(tx)
	})
}
