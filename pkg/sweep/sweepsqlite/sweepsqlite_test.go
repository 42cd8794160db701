package sweepsqlite_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
)

func database(db *sqlite.DB) sweeptest.Database {
	return sweeptest.Database{
		Tables: func(rules ...sweep.Rule) []sweep.Table { return sweepsqlite.Tables(db, rules...) },
		Add: func(ctx context.Context, first, last int, ago time.Duration) error {
			return db.InTx(ctx, func(tx *sql.Tx) error {
				for id := first; id <= last; id++ {
					if _, err := tx.ExecContext(ctx, `INSERT INTO sample_item (id, due) VALUES (?1, `+sqlite.NowMicros+` / 1000000 * 1000000 - ?2 + ?1)`, id, ago.Microseconds()); err != nil {
						return err
					}
					if _, err := tx.ExecContext(ctx, `INSERT INTO sample_part (item_id, n) VALUES (?1, 1), (?1, 2)`, id); err != nil {
						return err
					}
				}
				return nil
			})
		},
		AddForever: func(ctx context.Context, id int) error {
			_, err := db.Write().ExecContext(ctx, `INSERT INTO sample_item (id) VALUES (?)`, id)
			return err
		},
		Left: func(ctx context.Context) (ids []int, parts int, err error) {
			rows, err := db.Read().QueryContext(ctx, `SELECT id, (SELECT count(*) FROM sample_part) FROM sample_item ORDER BY id`)
			if err != nil {
				return nil, 0, err
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var id int
				if err := rows.Scan(&id, &parts); err != nil {
					return nil, 0, err
				}
				ids = append(ids, id)
			}
			return ids, parts, rows.Err()
		},
	}
}

func TestN311_Database(t *testing.T) {
	sweeptest.Run(t, func(t *testing.T) sweeptest.Database { return database(sqlitetest.New(t, sweeptest.Migrations())) })
}
