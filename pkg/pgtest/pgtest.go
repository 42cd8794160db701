// Package pgtest gives a test a PostgreSQL database of its own.
//
// The first call in a test binary starts a server of that binary's own, in a
// temporary folder and on a unix socket; it ends with the process, however the
// process ends. CHANCERY_TEST_POSTGRES may name a running server instead, of
// which only databases created here are ever dropped.
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pg"
)

// external is the environment variable that names a server to use.
const external = "CHANCERY_TEST_POSTGRES"

const (
	setupTimeout = time.Minute
	maxConns     = 20
)

// shared is the server of this process. It outlives every test, so it belongs
// to none of them.
//
//nolint:gochecknoglobals // One server per process is the point; it is never reassigned.
var shared = sync.OnceValues(func() (*cluster, error) {
	if adminURL := os.Getenv(external); adminURL != "" {
		return &cluster{adminURL: adminURL}, nil
	}
	return startCluster()
})

// New returns a pool on a fresh database with the sets applied. Both are gone
// when the test ends.
func New(t testing.TB, sets ...migrate.Set) *pgxpool.Pool {
	t.Helper()
	return open(t, URL(t, sets...))
}

// URL is [New] for what opens its own connections.
func URL(t testing.TB, sets ...migrate.Set) string {
	t.Helper()
	needed(t)
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	dbURL, name := c.database(t, sets)
	t.Cleanup(func() {
		// The context of the test is over by now.
		ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
		defer cancel()
		if err := c.exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop test database: %v", err)
		}
	})
	return dbURL
}

// needed leaves the test out of go test -short, which is for a machine without
// PostgreSQL.
func needed(t testing.TB) {
	if testing.Short() {
		t.Skip("needs PostgreSQL: run it without -short")
	}
}

func open(t testing.TB, dbURL string) *pgxpool.Pool {
	t.Helper()
	db, err := pg.Open(t.Context(), dbURL, pg.Options{ApplicationName: "test", MaxConns: maxConns, AllowPlaintext: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// database creates a database of a random name.
func (c *cluster) database(t testing.TB, sets []migrate.Set) (dbURL, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	name, err := c.create(ctx, sets)
	if err != nil {
		t.Fatalf("create test database: %v", err)
	}
	return c.urlOf(name), name
}

// create copies the template of the sets. On a server that is not ours there
// are no templates, because nothing would drop them.
func (c *cluster) create(ctx context.Context, sets []migrate.Set) (string, error) {
	name := randomName()
	if c.dir == "" {
		if err := c.exec(ctx, "CREATE DATABASE "+name); err != nil {
			return "", err
		}
		return name, migrate.UpPostgres(ctx, c.urlOf(name), sets...)
	}
	template, err := c.template(ctx, sets)
	if err != nil {
		return "", err
	}
	return name, c.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template)
}

// template returns the database in which the sets are applied already.
func (c *cluster) template(ctx context.Context, sets []migrate.Set) (string, error) {
	key, err := fingerprint(sets)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if name, ok := c.templates[key]; ok {
		return name, nil
	}
	name := randomName()
	if err := c.exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	if err := migrate.UpPostgres(ctx, c.urlOf(name), sets...); err != nil {
		return "", err
	}
	c.templates[key] = name
	return name, nil
}

// exec runs one statement as the administrator. Names in it are made here, of
// letters and digits only.
func (c *cluster) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, c.adminURL)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	return err
}

func (c *cluster) urlOf(database string) string {
	u, err := url.Parse(c.adminURL)
	if err != nil {
		return c.adminURL // pgx says what is wrong with it
	}
	u.Path = "/" + database
	return u.String()
}

func randomName() string {
	return fmt.Sprintf("chancery_test_%s", strings.ToLower(rand.Text()))
}
