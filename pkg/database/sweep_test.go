package database_test

import (
	"context"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
)

const (
	addPostgres = `
	INSERT INTO sample.item (id, due)
	SELECT i, statement_timestamp() - $3::interval + i * interval '1 microsecond' FROM generate_series($1::bigint, $2::bigint) AS i`
	addSQLite = `
	INSERT INTO sample.item (id, due)
	WITH RECURSIVE item (id) AS (SELECT $1 UNION ALL SELECT id + 1 FROM item WHERE id < $2)
	SELECT id, statement_timestamp() / 1000000 * 1000000 - $3 + id FROM item`
)

func swept(db *database.DB) sweeptest.Database {
	return sweeptest.Database{
		Tables: func(rules ...sweep.Rule) []sweep.Table { return database.Sweeps(db, rules...) },
		Add: func(ctx context.Context, first, last int, ago time.Duration) error {
			return db.InTx(ctx, func(tx *database.Tx) error {
				if _, err := tx.Exec(ctx, tx.Either(addPostgres, addSQLite), first, last, ago); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `
					INSERT INTO sample.part (item_id, n)
					SELECT id, n FROM sample.item, (SELECT 1 AS n UNION SELECT 2) AS n WHERE id BETWEEN $1 AND $2`, first, last)
				return err
			})
		},
		AddForever: func(ctx context.Context, id int) error {
			_, err := db.Exec(ctx, `INSERT INTO sample.item (id) VALUES ($1)`, id)
			return err
		},
		Left: func(ctx context.Context) (ids []int, parts int, err error) {
			if err := db.QueryRow(ctx, `SELECT count(*) FROM sample.part`).Scan(&parts); err != nil {
				return nil, 0, err
			}
			ids, err = database.Collect(ctx, db, database.Scan[int], `SELECT id FROM sample.item ORDER BY id`)
			return ids, parts, err
		},
	}
}

func TestN311_Sweeps(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		sweeptest.Run(t, func(t *testing.T) sweeptest.Database { return swept(open(t, sweeptest.Migrations())) })
	})
}
