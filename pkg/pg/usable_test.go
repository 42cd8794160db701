package pg_test

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/tcpproxy"
)

// service is a role that logs in through a proxy, with a pool of two connections
// and its monitor.
type service struct {
	super, db *pgxpool.Pool
	proxy     *tcpproxy.Proxy
	monitor   *pg.Monitor
}

func newService(t *testing.T) *service {
	t.Helper()
	server := pgtest.Server(t)
	s := &service{super: server.Open(t)}
	s.must(t, `CREATE ROLE service LOGIN`)
	proxy, proxied := pgtest.Proxy(t, server.URL())
	u, err := url.Parse(proxied)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("user", "service")
	s.proxy, u.RawQuery = proxy, q.Encode()
	s.db, err = pg.Open(t.Context(), u.String(), pg.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.db.Close)
	s.monitor = pg.NewMonitor(s.db, clock, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.monitor.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		s.proxy.Heal()
		wg.Wait()
	})
	return s
}

func (s *service) must(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.super.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// clock is the machine's.
func clock() time.Time { return time.Unix(0, 0).Add(time.Since(time.Unix(0, 0))) }

// becomes waits for what the monitor says.
func (s *service) becomes(t *testing.T, usable bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s.monitor.Usable() != usable {
		select {
		case <-tick.C:
		case <-time.After(time.Minute):
			t.Fatalf("the database does not become usable = %t", usable)
		}
	}
}

func TestN329_AMonitorNotices(t *testing.T) {
	for _, tt := range []struct {
		what       string
		begin, end func(t *testing.T, s *service)
	}{
		{"that no log-in is let in", func(t *testing.T, s *service) {
			s.must(t, `ALTER ROLE service NOLOGIN`)
			s.must(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'service'`)
		}, func(t *testing.T, s *service) {
			s.must(t, `ALTER ROLE service LOGIN`)
		}},
		{
			"a network that swallows everything", func(_ *testing.T, s *service) { s.proxy.BlackHole() },
			func(_ *testing.T, s *service) { s.proxy.Heal() },
		},
	} {
		t.Run(tt.what, func(t *testing.T) {
			s := newService(t)
			tt.begin(t, s)
			s.becomes(t, false)
			tt.end(t, s)
			s.becomes(t, true)
		})
	}
}

// A pool is exhausted when nobody gets a connection, and not when all are in use.
func TestN329_AnExhaustedPoolIsUnusable(t *testing.T) {
	s := newService(t)
	held, err := s.db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	busy, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { // Of the other connection, each has its turn.
			for busy.Err() == nil {
				if _, err := s.db.Exec(t.Context(), `SELECT pg_sleep(0.01)`); err != nil {
					t.Error(err)
				}
			}
		})
	}
	<-time.After(6 * time.Second)
	if !s.monitor.Usable() {
		t.Error("a pool is unusable whose connections go from hand to hand")
	}
	stop()
	wg.Wait()

	last, err := s.db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.becomes(t, false)
	held.Release()
	s.becomes(t, true)
	last.Release()
}
