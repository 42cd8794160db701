package familysqlite_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
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
		return familytest.Database{Store: familysqlite.New(db, time.Hour), Insert: insert, Log: log, Audit: eventtest.SQLite(db)}
	})
}
