package pgtest

import (
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/migrate"
)

// ServerHandle is a server of one test's own, for faults that other tests must
// not see. Its methods fail the test when they cannot do what they say.
type ServerHandle struct {
	c   *cluster
	url string
}

// Server starts a server that ends with the test, with a database in which the
// sets are applied. It needs about two seconds; [New] is the usual choice.
func Server(t testing.TB, sets ...migrate.Set) *ServerHandle {
	t.Helper()
	needed(t)
	c, err := startCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The watcher does the rest.
		if err := c.lifeline.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
	dbURL, _ := c.database(t, sets)
	return &ServerHandle{c: c, url: dbURL}
}

// URL is that of the database. It stays the same over stop and start.
func (s *ServerHandle) URL() string { return s.url }

// Open returns a pool on the database, closed with the test.
func (s *ServerHandle) Open(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return open(t, s.url)
}

// Start starts the server again after Stop or Kill, and waits until it answers.
func (s *ServerHandle) Start(t testing.TB) {
	t.Helper()
	check(t, s.c.start())
}

// Stop shuts the server down; open transactions are rolled back.
func (s *ServerHandle) Stop(t testing.TB) {
	t.Helper()
	check(t, s.c.stop("fast"))
}

// Kill ends the server as a crash does: the next start recovers from the log.
func (s *ServerHandle) Kill(t testing.TB) {
	t.Helper()
	check(t, s.c.stop("immediate"))
}

// Restart is Stop and Start.
func (s *ServerHandle) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.Start(t)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
