package process

import (
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/store"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// sweptTables are those whose rows go by their time.
func sweptTables() []string {
	return []string{
		"authorize.pushed_request", "authorize.session", "authorize.transaction", "coherence.restriction_log", "consent.grant",
		"directory.attempt", "directory.device", "directory.failure", "registry.client", "registry.deleted_client", "registry.initial_access_token", "registry.logo",
		"registry.used_assertion", "token.family", "token.key", "token.redemption", "token.resource_set", "token.retired_key", "token.reuse",
	}
}

// storesOnBoth runs f on an empty database of each kind.
func storesOnBoth(t *testing.T, f func(t *testing.T, s store.Stores)) {
	t.Run("SQLite", func(t *testing.T) {
		s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "chancery.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		f(t, s)
	})
	t.Run("Postgres", func(t *testing.T) {
		url := pgtest.URL(t, store.AllSets()...)
		urls := map[string]string{}
		for _, role := range roles.All() {
			if role != roles.Gateway {
				urls[role] = url
			}
		}
		s, err := store.OpenPostgres(t.Context(), urls, pg.Options{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		f(t, s)
	})
}

// Every statement is one that the schema of today understands.
func TestN311_EveryTableWhoseRowsGoIsSwept(t *testing.T) {
	storesOnBoth(t, func(t *testing.T, s store.Stores) {
		all := newServices(roles.Set{roles.Registry, roles.Directory, roles.Consent, roles.Token, roles.Authorize}, parts{
			config: &config.Config{Issuer: "https://as.test"}, preset: preset.Default(), stores: s, now: time.Now,
			conn: func(grpcserve.Caller) grpc.ClientConnInterface { return nil },
		})
		r := sweep.NewRunner(time.Now, slog.New(slog.NewTextHandler(t.Output(), nil)), append(all.sweeps(), s.Sweeps...)...)
		r.Round(t.Context())
		var names []string
		for _, table := range r.Stats().Tables {
			names = append(names, table.Name)
			if table.Failures > 0 || table.Rows > 0 {
				t.Errorf("%+v", table)
			}
		}
		slices.Sort(names)
		want := sweptTables()
		if s.Name == "sqlite" {
			want = append(want, "event.audit_log") // by no service on Postgres
			slices.Sort(want)
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("tables that are swept (-want +got):\n%s", diff)
		}
	})
}

// Who looks at a table reads when a row goes.
func TestN311_EveryTableSaysHowLongARowStays(t *testing.T) {
	conn, err := pgx.Connect(t.Context(), pgtest.URL(t, store.AllSets()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	rows, err := conn.Query(t.Context(), `
		SELECT oid::regclass::text, coalesce(obj_description(oid, 'pg_class'), '')
		  FROM pg_class
		 WHERE relkind IN ('r', 'p') AND relname <> 'goose_db_version'
		   AND relnamespace <> ALL (ARRAY['pg_catalog', 'information_schema', 'pg_toast']::regnamespace[])`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, Comment string }])
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) < len(sweptTables()) {
		t.Errorf("%d tables", len(tables))
	}
	swept := regexp.MustCompile(`\b(Swept|swept)\b`)
	says := regexp.MustCompile(`\b(Goes|Swept|swept|Stays|for ever|Follows)\b`)
	for _, table := range tables {
		pattern := says
		if slices.Contains(sweptTables(), table.Name) {
			pattern = swept
		}
		if !pattern.MatchString(table.Comment) {
			t.Errorf("%s does not say how long a row stays: %q", table.Name, table.Comment)
		}
	}
}
