package familypg_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/family/familypg"
	"github.com/chancery-auth/chancery/services/token/internal/family/familytest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func TestStore(t *testing.T) {
	familytest.RunStore(t, func(t *testing.T) familytest.Database {
		db, log := storetest.Postgres(t)
		insert := func(ctx context.Context, f family.Family, limit int) (rs []coherent.Restriction, err error) {
			err = pg.InTx(ctx, db, func(tx pgx.Tx) error {
				rs, err = familypg.Insert(ctx, tx, f, limit, time.Hour)
				return err
			})
			return rs, err
		}
		return familytest.Database{Store: familypg.New(db, time.Hour), Insert: insert, Log: log, Audit: eventtest.Postgres(db)}
	})
}
