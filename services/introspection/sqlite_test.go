package introspection_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
)

// The way of a restriction: committed by whoever restricts, polled, and joined
// into answers about tokens and callers that are in memory.
func TestN167_RestrictionsOfTheDatabaseAreFollowed(t *testing.T) {
	db := sqlitetest.New(t, migrations.Set())
	e := newEnvOn(t, coherentsqlite.NewSource(db), coherent.Options{Period: 20 * time.Millisecond})
	commit := func(r coherent.Restriction) {
		err := db.InTx(t.Context(), func(tx *sql.Tx) error {
			return coherentsqlite.Append(t.Context(), tx, preset.RestrictionKeep, r)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	text := e.mint(t, userToken())
	if !e.introspect(t, "api", text).GetActive() {
		t.Fatal("the token is not active before")
	}

	commit(coherent.ClientScope("c1", 4, "openid"))
	e.eventually(t, "narrowed", func() bool { return e.introspect(t, "api", text).GetScope() == "openid" })
	commit(coherent.Grant(grantID, 4))
	e.eventually(t, "inactive", func() bool { return !e.introspect(t, "api", text).GetActive() })

	delete(e.registry.clients, "api")
	commit(coherent.Client("api", coherent.Deleted))
	e.eventually(t, "refused", func() bool {
		_, err := e.client.Introspect(t.Context(), askAs("api", text))
		return errors.Is(err, oauth.InvalidClient)
	})
}

// eventually waits for what the next poll brings.
func (e *env) eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not %s within the bound", what)
		}
	}
}
