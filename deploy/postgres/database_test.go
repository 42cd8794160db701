package postgres_test

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

const superuser = "postgres"

// services have a role each.
func services() []string {
	return []string{"authorize", "token", "consent", "introspection", "registry", "directory"}
}

// database is one on which roles.sql has run as an operator runs it.
type serverDatabase struct{ url string }

// newDatabase starts a server, because roles belong to all its databases.
func newDatabase(t *testing.T) serverDatabase {
	t.Helper()
	d := serverDatabase{pgtest.Server(t).URL()}
	d.applyRoles(t, superuser)
	d.migrate(t, "chancery_owner")
	d.applyRoles(t, superuser)
	return d
}

// as is the URL for a role.
func (d serverDatabase) as(t *testing.T, role string) string {
	t.Helper()
	u, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	values := u.Query()
	values.Set("user", role)
	u.RawQuery = values.Encode()
	return u.String()
}

// open opens a pool as a role.
func (d serverDatabase) open(t *testing.T, role string) *database.DB {
	t.Helper()
	db, err := pg.Open(t.Context(), d.as(t, role), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return database.Postgres(db)
}

// connect logs in as a role, as services do.
func (d serverDatabase) connect(t *testing.T, role string) *pgx.Conn {
	t.Helper()
	conn, err := pg.Connect(t.Context(), d.as(t, role), pg.Options{})
	if err != nil {
		t.Fatalf("connect as %s: %v", role, err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

// applyRoles runs roles.sql as a role.
func (d serverDatabase) applyRoles(t *testing.T, role string) {
	t.Helper()
	script, err := os.ReadFile("roles.sql")
	if err != nil {
		t.Fatal(err)
	}
	d.exec(t, role, string(script))
}

func (d serverDatabase) exec(t *testing.T, role, script string) {
	t.Helper()
	conn := d.connect(t, role)
	if _, err := conn.PgConn().Exec(t.Context(), script).ReadAll(); err != nil {
		t.Fatalf("as %s: %v", role, err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// migrate applies every migration of the tree as a role.
func (d serverDatabase) migrate(t *testing.T, role string) {
	t.Helper()
	if err := migrate.UpPostgres(t.Context(), d.as(t, role), migrations(t)...); err != nil {
		t.Fatalf("migrate as %s: %v", role, err)
	}
}

// migrations are the sets of all schemas, from their files: what a service
// keeps is internal to it, and only its files are not.
func migrations(t *testing.T) []migrate.Set {
	t.Helper()
	sets := []migrate.Set{set("coherence", "../../pkg/coherent/migrations"), set("event", "../../pkg/event/migrations")}
	folders, err := filepath.Glob("../../services/*/internal/migrations")
	if err != nil || len(folders) == 0 {
		t.Fatalf("find migrations: %d folders, error %v", len(folders), err)
	}
	for _, folder := range folders {
		sets = append(sets, set(filepath.Base(filepath.Join(folder, "../..")), folder))
	}
	return sets
}

func set(schema, folder string) migrate.Set {
	return migrate.Set{Name: schema, Postgres: os.DirFS(filepath.Join(folder, "postgres"))}
}
