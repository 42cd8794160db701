package registry_test

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry"
)

// names is the database behind an office, as far as it holds names.
type names struct {
	// pass makes time go by.
	pass func(time.Duration)
	// held counts the rows.
	held func() (n int)
}

// withNames runs f in an office on each database.
func withNames(t *testing.T, f func(t *testing.T, o office, n names)) {
	t.Run("SQLite", func(t *testing.T) {
		db := sqlitetest.New(t, coherence.Set(), events.Set(), registry.Migrations())
		f(t, newOffice(t, registry.NewStores(database.SQLite(db))), names{
			pass: func(age time.Duration) {
				for _, statement := range []string{
					`UPDATE registry_client SET create_time = create_time - ?`,
					`UPDATE registry_deleted_client SET expire_time = expire_time - ?`,
				} {
					if _, err := db.Write().ExecContext(t.Context(), statement, age.Microseconds()); err != nil {
						t.Fatal(err)
					}
				}
			},
			held: func() (n int) {
				if err := db.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM registry_deleted_client`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			},
		})
	})
	t.Run("Postgres", func(t *testing.T) {
		db := pgtest.New(t, coherence.Set(), events.Set(), registry.Migrations())
		f(t, newOffice(t, registry.NewStores(database.Postgres(db))), names{
			pass: func(age time.Duration) {
				for _, statement := range []string{
					`UPDATE registry.client SET create_time = create_time - $1 * interval '1 microsecond'`,
					`UPDATE registry.deleted_client SET expire_time = expire_time - $1 * interval '1 microsecond'`,
				} {
					if _, err := db.Exec(t.Context(), statement, age.Microseconds()); err != nil {
						t.Fatal(err)
					}
				}
			},
			held: func() (n int) {
				if err := db.QueryRow(t.Context(), `SELECT count(*) FROM registry.deleted_client`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			},
		})
	})
}

const month = 30 * 24 * time.Hour

func (o office) remove(t *testing.T, sub string, app *registryv1.Client) {
	t.Helper()
	if _, err := o.developer.DeleteApp(t.Context(), &registryv1.DeleteAppRequest{Sub: sub, ClientId: app.GetClientId()}); err != nil {
		t.Fatalf("DeleteApp() = %v", err)
	}
}

func TestN305_TheNameOfADeletedAppIsItsOwnersForAMonth(t *testing.T) {
	withNames(t, func(t *testing.T, o office, n names) { o.heldForAMonth(t, n) })
}

func (o office) heldForAMonth(t *testing.T, n names) {
	t.Helper()
	foreign := o.create(t, "u2", o.w2, named("Backoffice")).GetApp()
	tries := map[string]func() error{
		"created by a developer": func() error {
			_, err := o.developer.CreateApp(t.Context(), &registryv1.CreateAppRequest{Sub: "u2", WorkspaceId: o.w2, App: named("acme reports")})
			return err
		},
		"renamed by a developer": func() error {
			renamed := proto.CloneOf(o.get(t, "u2", foreign.GetClientId()).GetApp())
			renamed.ClientName = "ACME Reports"
			_, err := o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u2", App: renamed})
			return err
		},
		"created for a workspace by an operator": func() error {
			c := everyField()
			c.ClientName = "Acme Reports"
			_, err := o.admin.CreateClient(t.Context(), &registryv1.CreateClientRequest{Client: c})
			return err
		},
		"renamed for a workspace by an operator": func() error {
			renamed := proto.CloneOf(o.get(t, "u2", foreign.GetClientId()).GetApp())
			renamed.ClientName = "Acme Reports"
			_, err := o.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: renamed})
			return err
		},
	}
	all := func(want error) {
		t.Helper()
		for name, try := range tries {
			if err := try(); !errors.Is(err, want) {
				t.Errorf("%s = %v, want %v", name, err, want)
			}
		}
	}
	deleted := o.create(t, "u1", o.w1, named("Acme Reports")).GetApp()
	n.pass(2 * month) // which is more than counts
	o.remove(t, "u1", deleted)
	all(fault.Invalid)
	back := o.create(t, "u1", o.w1, named("Acme Reports")).GetApp()
	if back.GetClientId() == deleted.GetClientId() {
		t.Error("the id of a deleted app came back")
	}
	o.end(t, o.w1)
	n.pass(month - time.Minute)
	all(fault.Invalid)
	// An owner that has the name already goes on.
	kept := proto.CloneOf(o.get(t, "u2", foreign.GetClientId()).GetApp())
	kept.Description = "Changed"
	if _, err := o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u2", App: kept}); err != nil {
		t.Errorf("UpdateApp() of an app that keeps its name = %v", err)
	}
	n.pass(2 * time.Minute)
	all(nil)
}

// The operators decide who has a name: nobody can keep one from them.
func TestN305_NoNameIsHeldAgainstTheOperators(t *testing.T) {
	withNames(t, func(t *testing.T, o office, n names) {
		app := o.create(t, "u1", o.w1, named("Acme Reports")).GetApp()
		n.pass(month)
		o.remove(t, "u1", app)
		own := create(t, o.fixture, &registryv1.Client{ClientName: "Acme Reports"}).GetClient()
		for _, name := range []string{"Paused", "Acme Reports"} {
			own.ClientName = name
			resp, err := o.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: own})
			if err != nil {
				t.Fatalf("UpdateClient(%q) = %v", name, err)
			}
			own = resp.GetClient()
		}
	})
}

// A stranger who makes and deletes apps of a name does not end it for others.
func TestN305_AStrangerDoesNotTakeTheNameOfALivingApp(t *testing.T) {
	withNames(t, func(t *testing.T, o office, n names) {
		app, foreign := o.create(t, "u1", o.w1, named("Acme Reports")).GetApp(), o.create(t, "u2", o.w2, named("Acme Reports")).GetApp()
		n.pass(month)
		o.remove(t, "u2", foreign)
		o.create(t, "u1", o.w1, named("Acme Reports"))
		for _, name := range []string{"Acme Reports (paused)", "Acme Reports"} {
			app.ClientName = name
			resp, err := o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u1", App: app})
			if err != nil {
				t.Fatalf("UpdateApp(%q) = %v", name, err)
			}
			app = resp.GetApp()
		}
	})
}

func TestN305_NamesThatAreHeldNoLongerAreForgotten(t *testing.T) {
	withNames(t, func(t *testing.T, o office, n names) {
		long := o.create(t, "u1", o.w1, named("Long")).GetApp()
		n.pass(2 * time.Hour)
		short := o.create(t, "u1", o.w1, named("Short")).GetApp()
		n.pass(time.Hour)
		o.remove(t, "u1", long)
		o.remove(t, "u1", short)
		for _, want := range []int{2, 1, 0} {
			if _, err := sweeptest.All(t.Context(), o.service.Sweeps()...); err != nil {
				t.Fatalf("Sweep() = %v", err)
			}
			if got := n.held(); got != want {
				t.Errorf("%d names are held, want %d", got, want)
			}
			n.pass(2 * time.Hour)
		}
	})
}
