package family_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/family/familytest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

const (
	earlierPostgres = `replace_times = ARRAY(SELECT t - $2::interval FROM unnest(replace_times) WITH ORDINALITY AS u (t, i) ORDER BY i)`
	earlierSQLite   = `replaced = (SELECT json_group_array(json_array(value ->> 0, (value ->> 1) - $2)) FROM json_each(f.replaced))`
)

func TestStore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		familytest.RunStore(t, func(t *testing.T) familytest.Database {
			db, log := open(t)
			insert := func(ctx context.Context, f family.Family, limit int) (rs []coherent.Restriction, err error) {
				err = db.InTx(ctx, func(tx *database.Tx) error {
					rs, err = family.Insert(ctx, tx, f, limit, time.Hour)
					return err
				})
				return rs, err
			}
			age := func(ctx context.Context, f family.Family, d time.Duration) error {
				_, err := db.Exec(ctx, `
					UPDATE token.family AS f
					   SET start_time = start_time - $2::interval,
					       rotate_time = rotate_time - $2::interval,
					       expire_time = expire_time - $2::interval,
					       absolute_expire_time = absolute_expire_time - $2::interval,
					       repeat_time = repeat_time - $2::interval,
					       `+db.Either(earlierPostgres, earlierSQLite)+`
					 WHERE id = $1`, f.ID, d)
				if err != nil {
					return err
				}
				_, err = db.Exec(ctx, `UPDATE token.reuse SET reuse_time = reuse_time - $2::interval WHERE grant_id = $1`, f.GrantID, d)
				return err
			}
			rotateAsBefore := func(ctx context.Context, id uuid.UUID) error {
				_, err := db.Exec(ctx, `
					UPDATE token.family
					   SET generation = generation + 1, used = false, rotate_time = statement_timestamp()
					 WHERE id = $1`, id)
				return err
			}
			return familytest.Database{
				Store: family.NewStore(db, time.Hour), Insert: insert, Age: age, RotateAsBefore: rotateAsBefore,
				Log: log, Audit: eventtest.On(db),
			}
		})
	})
}
