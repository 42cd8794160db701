package familysqlite_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/family/familysqlite"
	"github.com/chancery-auth/chancery/services/token/internal/family/familytest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func TestStore(t *testing.T) {
	familytest.RunStore(t, func(t *testing.T) familytest.Database {
		db, log := storetest.SQLite(t)
		insert := func(ctx context.Context, f family.Family, limit int) (rs []coherent.Restriction, err error) {
			err = db.InTx(ctx, func(tx *sql.Tx) error {
				rs, err = familysqlite.Insert(ctx, tx, f, limit, time.Hour)
				return err
			})
			return rs, err
		}
		age := func(ctx context.Context, f family.Family, d time.Duration) error {
			_, err := db.Write().ExecContext(ctx, `
				UPDATE token_family AS f
				   SET start_time = start_time - ?2,
				       rotate_time = rotate_time - ?2,
				       expire_time = expire_time - ?2,
				       absolute_expire_time = absolute_expire_time - ?2,
				       repeat_time = repeat_time - ?2,
				       replaced = (SELECT json_group_array(json_array(value ->> 0, (value ->> 1) - ?2)) FROM json_each(f.replaced))
				 WHERE id = ?1`, f.ID[:], d.Microseconds())
			if err != nil {
				return err
			}
			_, err = db.Write().ExecContext(ctx, `UPDATE token_reuse SET reuse_time = reuse_time - ?2 WHERE grant_id = ?1`, f.GrantID[:], d.Microseconds())
			return err
		}
		rotateAsBefore := func(ctx context.Context, id uuid.UUID) error {
			_, err := db.Write().ExecContext(ctx, `
				UPDATE token_family
				   SET generation = generation + 1, used = 0, rotate_time = `+sqlite.NowMicros+`
				 WHERE id = ?1`, id[:])
			return err
		}
		return familytest.Database{
			Store: familysqlite.New(db, time.Hour), Insert: insert, Age: age, RotateAsBefore: rotateAsBefore,
			Log: log, Audit: eventtest.SQLite(db),
		}
	})
}
