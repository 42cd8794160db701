package migrations_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/directory/internal/migrations"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// before is the schema as the release before slugs has it.
func before(t *testing.T) migrate.Set {
	t.Helper()
	set := migrations.Set()
	first := func(all fs.FS) fs.FS {
		names, err := fs.Glob(all, "0001_*.sql")
		if err != nil || len(names) != 1 {
			t.Fatalf("Glob() = %v, %v", names, err)
		}
		data, err := fs.ReadFile(all, names[0])
		if err != nil {
			t.Fatal(err)
		}
		return fstest.MapFS{names[0]: &fstest.MapFile{Data: data}}
	}
	set.Postgres, set.SQLite = first(set.Postgres), first(set.SQLite)
	return set
}

// upgrade is a database with what an upgrade from the release before does to it.
type upgrade struct {
	workspaces *workspace.Store
	// insert adds a workspace as the release before does.
	insert func(id uuid.UUID, name string) error
	// migrate brings the schema up to date.
	migrate func() error
}

func onPostgres(t *testing.T) upgrade {
	t.Helper()
	url := pgtest.URL(t, coherence.Set(), events.Set(), before(t))
	db, err := pg.Open(t.Context(), url, pg.Options{AllowPlaintext: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return upgrade{
		workspaces: workspace.NewStore(database.Postgres(db), time.Hour),
		insert: func(id uuid.UUID, name string) error {
			_, err := db.Exec(t.Context(), `INSERT INTO directory.workspace (workspace_id, name) VALUES ($1, $2)`, id, name)
			return err
		},
		migrate: func() error { return migrate.UpPostgres(t.Context(), url, migrations.Set()) },
	}
}

func onSQLite(t *testing.T) upgrade {
	t.Helper()
	db := sqlitetest.New(t, coherence.Set(), events.Set(), before(t))
	return upgrade{
		workspaces: workspace.NewStore(database.SQLite(db), time.Hour),
		insert: func(id uuid.UUID, name string) error {
			_, err := db.Write().ExecContext(t.Context(), `INSERT INTO directory_workspace (workspace_id, name) VALUES (?, ?)`, id, name)
			return err
		},
		migrate: func() error { return migrate.UpSQLite(t.Context(), db, migrations.Set()) },
	}
}

func TestSlugsComeWithTheUpgrade(t *testing.T) {
	for name, start := range map[string]func(*testing.T) upgrade{"postgres": onPostgres, "sqlite": onSQLite} {
		t.Run(name, func(t *testing.T) { slugsComeWithTheUpgrade(t, start(t)) })
	}
}

func slugsComeWithTheUpgrade(t *testing.T, u upgrade) {
	ids := make(map[uuid.UUID]string) // the slug without the part of the id
	for _, w := range []struct{ name, base string }{
		{"Acme Corp. / Team #1", "acme-corp-team-1"},
		{"Acme", "acme"},
		{"Acme", "acme"},
		{" --Zo\u00eb's-- ", "zo-s"},
		{"\u7814\u7a76", "workspace"},
		{strings.Repeat("a", 120), strings.Repeat("a", 50)},
		{strings.Repeat("a", 49) + " bc", strings.Repeat("a", 49)},
	} {
		id := uuid.New()
		ids[id] = w.base
		if err := u.insert(id, w.name); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.migrate(); err != nil {
		t.Fatal(err)
	}
	for id, base := range ids {
		want := base + "-" + strings.ReplaceAll(id.String(), "-", "")[:12]
		if w, err := u.workspaces.Find(t.Context(), id); err != nil || w.Slug != want {
			t.Errorf("Find() = %q, %v, want slug %q", w.Slug, err, want)
		}
	}
	besideTheReleaseBefore(t, u)
}

// besideTheReleaseBefore adds a workspace in the way of a binary that knows no slugs
// yet, which may run beside this one.
func besideTheReleaseBefore(t *testing.T, u upgrade) {
	t.Helper()
	id := uuid.New()
	if err := u.insert(id, "Acme"); err != nil {
		t.Fatal(err)
	}
	d := workspace.Directory{Workspaces: u.workspaces}
	found, err := d.Select(t.Context(), []uuid.UUID{id})
	if err != nil || len(found) != 1 || found[0].Slug != id.String() {
		t.Errorf("Select() = %+v, %v, want the id for a slug", found, err)
	}
	if _, err := u.workspaces.Create(t.Context(), workspace.Workspace{ID: uuid.New(), Name: "Acme", Slug: id.String()}); !errors.Is(err, workspace.ErrSlugTaken) {
		t.Errorf("Create() with that slug = %v, want ErrSlugTaken", err)
	}
	if w, err := d.Create(t.Context(), "Acme", ""); err != nil || w.Slug != "acme" {
		t.Errorf("Create() = %q, %v, want slug acme", w.Slug, err)
	}
}
