package pg_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

func TestSessionSettingsAreFixed(t *testing.T) {
	db := pgtest.New(t)
	for name, want := range map[string]string{
		"search_path":                         "pg_catalog, pg_temp",
		"application_name":                    "test",
		"statement_timeout":                   "10s",
		"idle_in_transaction_session_timeout": "30s",
	} {
		var got string
		if err := db.QueryRow(t.Context(), `SELECT current_setting($1)`, name).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestN283_RoleThatDoesNotWaitForTheFlushIsRefused(t *testing.T) {
	for mode, want := range map[string]error{
		"off": pg.ErrUnsafeServer, "local": pg.ErrUnsafeServer, "remote_write": pg.ErrUnsafeServer,
		"on": nil, "remote_apply": nil,
	} {
		url := pgtest.URL(t)
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.Exec(t.Context(), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = `+mode+`', current_database()); END $$`)
		if err := errors.Join(err, conn.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		db, err := pg.Open(t.Context(), url, pg.Options{})
		if !errors.Is(err, want) {
			t.Errorf("Open() with synchronous_commit = %s: %v, want %v", mode, err, want)
		}
		if err == nil {
			db.Close()
		}
	}
}

func TestN283_RemoteServerNeedsVerifiedTLS(t *testing.T) {
	for _, tt := range []struct {
		url   string
		allow bool
		want  error
	}{
		{"postgres://db.example/x?sslmode=verify-full", false, nil},
		{"postgres://db.example/x?sslmode=verify-ca", false, pg.ErrUnsafeServer},
		{"postgres://db.example/x?sslmode=require", false, pg.ErrUnsafeServer},
		{"postgres://db.example/x?sslmode=prefer", false, pg.ErrUnsafeServer},
		{"postgres://db.example/x?sslmode=disable", false, pg.ErrUnsafeServer},
		{"postgres://db.example/x?sslmode=disable", true, nil},
		{"postgres://127.0.0.1,db.example/x?sslmode=disable", false, pg.ErrUnsafeServer},
		{"postgres://127.0.0.1/x?sslmode=disable", false, nil},
		{"postgres://[::1]/x?sslmode=disable", false, nil},
		{"postgres://localhost/x?sslmode=disable", false, nil},
		{"postgres:///x?host=/run/postgresql", false, nil},
	} {
		if _, err := pg.Config(tt.url, pg.Options{AllowPlaintext: tt.allow}); !errors.Is(err, tt.want) {
			t.Errorf("Config(%q, %t) = %v, want %v", tt.url, tt.allow, err, tt.want)
		}
	}
}

// One URL names the database to a pool and to single connections, as migrations
// have them.
func TestURLMaySayHowLargeThePoolIs(t *testing.T) {
	url := pgtest.URL(t) + "&pool_max_conns=3"
	if !strings.Contains(url, "?") {
		url = strings.Replace(url, "&", "?", 1)
	}
	db, err := pg.Open(t.Context(), url, pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got := db.Config().MaxConns; got != 3 {
		t.Errorf("the pool has %d connections, want 3", got)
	}
	conn, err := pg.Connect(t.Context(), url, pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
