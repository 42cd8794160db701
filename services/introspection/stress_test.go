package introspection_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
)

// committed is a database that restrictions are committed to.
type committed struct {
	source coherent.Source
	commit func(*testing.T, coherent.Restriction)
}

func committedToSQLite(t *testing.T) committed {
	t.Helper()
	db := sqlitetest.New(t, migrations.Set())
	return committed{coherentsqlite.NewSource(db), func(t *testing.T, r coherent.Restriction) {
		t.Helper()
		err := database.SQLite(db).InTx(t.Context(), func(tx *database.Tx) error {
			return coherentdb.Append(t.Context(), tx, preset.RestrictionKeep, r)
		})
		if err != nil {
			t.Fatal(err)
		}
	}}
}

func committedToPostgres(t *testing.T) committed {
	t.Helper()
	url := pgtest.URL(t, migrations.Set())
	db, err := pg.Open(t.Context(), url, pg.Options{AllowPlaintext: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	source := coherentpg.NewSource(url, pg.Options{AllowPlaintext: true})
	t.Cleanup(func() {
		if err := source.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return committed{source, func(t *testing.T, r coherent.Restriction) {
		t.Helper()
		err := database.Postgres(db).InTx(t.Context(), func(tx *database.Tx) error {
			return coherentdb.Append(t.Context(), tx, preset.RestrictionKeep, r)
		})
		if err != nil {
			t.Fatal(err)
		}
	}}
}

// Whoever uses the token sees its role fall, never rise, and each step within the
// bound.
func TestN169_MemberDemotedWhileTheirTokenIsInUse(t *testing.T) {
	for name, open := range map[string]func(*testing.T) committed{"sqlite": committedToSQLite, "postgres": committedToPostgres} {
		t.Run(name, func(t *testing.T) { demotedWhileInUse(t, open(t)) })
	}
}

func demotedWhileInUse(t *testing.T, db committed) {
	t.Helper()
	e := newEnvOn(t, db.source, coherent.Options{Period: 20 * time.Millisecond})
	text := e.mint(t, userToken())
	stop := make(chan struct{})
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() { e.neverRises(t, text, stop) })
	}
	for i, lowered := range []role.Role{role.Viewer, role.None} {
		if got := e.roleIn(t, text); got <= lowered {
			t.Fatalf("the role is %v before it is lowered to %v", got, lowered)
		}
		db.commit(t, coherent.Membership("u1", workspace1, int64(4+i), lowered))
		e.eventually(t, lowered.String(), func() bool { return e.roleIn(t, text) == lowered })
	}
	db.commit(t, coherent.Membership("u1", workspace1, 4, role.Viewer)) // heard of late
	db.commit(t, coherent.Grant(grantID, 4))
	e.eventually(t, "inactive", func() bool { return !e.introspect(t, "api", text).GetActive() })
	close(stop)
	users.Wait()
}

// neverRises uses the token until stop.
func (e *env) neverRises(t *testing.T, text string, stop <-chan struct{}) {
	t.Helper()
	last := role.Admin
	for {
		select {
		case <-stop:
			return
		default:
		}
		now := e.roleIn(t, text)
		if now > last {
			t.Errorf("the role rises from %v to %v", last, now)
			return
		}
		last = now
	}
}

// roleIn is the role that the token has in the first workspace.
func (e *env) roleIn(t *testing.T, text string) role.Role {
	t.Helper()
	resp, err := e.client.Introspect(t.Context(), askAs("api", text))
	if err != nil {
		t.Errorf("Introspect() = %v", err)
	}
	for _, w := range resp.GetWorkspaces() {
		if w.GetId() == workspace1.String() {
			r, err := role.Parse(w.GetRole())
			if err != nil {
				t.Error(err)
			}
			return r
		}
	}
	return role.None
}
