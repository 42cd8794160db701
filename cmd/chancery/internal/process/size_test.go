//go:build size

package process

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/pause"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/store"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

const (
	// most rows are due in the two tables that grow fastest, and fewer in each other:
	// to fill them takes longer than to sweep them.
	most  = 5_000_000
	fewer = 1_000_000
	// living rows of those two stay.
	living = 1000
)

// dueAt is the time of row i, which is due, and the rows from number 1 to $1. A
// negative number is for rows that are not due.
const dueAt = `statement_timestamp() - interval '100 days' * sign($1::bigint) + i * interval '1 microsecond' FROM generate_series(1, abs($1::bigint)) AS i`

const digest = `sha256(i::text::bytea)`

// filling is how each table is filled.
var filling = map[string]string{
	"token.redemption":          `INSERT INTO token.redemption (code_id, expire_time) SELECT gen_random_uuid(), ` + dueAt,
	"coherence.restriction_log": `INSERT INTO coherence.restriction_log (kind, key, version, keep_until) SELECT 2, ` + digest + `, 1, ` + dueAt,
	"authorize.session": `INSERT INTO authorize.session (id, digest, sub, subject_version, user_agent, address_block, auth_time, last_use_time, expire_time)
		SELECT gen_random_uuid(), ` + digest + `, 's', 1, '', '', statement_timestamp(), statement_timestamp(), ` + dueAt,
	"authorize.pushed_request": `INSERT INTO authorize.pushed_request (digest, client_id, request, expire_time) SELECT ` + digest + `, 'c', '{}', ` + dueAt,
	"authorize.transaction":    `INSERT INTO authorize.transaction (id, binding, request, expire_time) SELECT i::text, ` + digest + `, '{}', ` + dueAt,
	"token.family": `INSERT INTO token.family (id, grant_id, client_id, sub, subject_version, scope, resource, auth_time, generation, key_id, used, lifetime, start_time, rotate_time, expire_time, absolute_expire_time)
		SELECT gen_random_uuid(), gen_random_uuid(), 'c', 's', 1, 'a', '{}', t, 0, 1, false, interval '1 day', t, t, t, t FROM (SELECT ` + dueAt + `) AS due (t)`,
	"token.reuse":                   `INSERT INTO token.reuse (grant_id, late, reuse_time) SELECT gen_random_uuid(), false, ` + dueAt,
	"token.resource_set":            `INSERT INTO token.resource_set (digest, resources, keep_time) SELECT ` + digest + `, '', ` + dueAt,
	"registry.used_assertion":       `INSERT INTO registry.used_assertion (client_id, jti_digest, expire_time) SELECT 'c', ` + digest + `, ` + dueAt,
	"registry.initial_access_token": `INSERT INTO registry.initial_access_token (token_id, digest, hint, create_time, expire_time) SELECT gen_random_uuid(), ` + digest + `, 'abcd', '-infinity', ` + dueAt,
	"registry.deleted_client":       `INSERT INTO registry.deleted_client (client_id, workspace_id, name_digest, expire_time) SELECT i::text, '', ` + digest + `, ` + dueAt,
	"registry.logo":                 `INSERT INTO registry.logo (digest, png, create_time) SELECT ` + digest + `, '', ` + dueAt,
	"directory.attempt":             `INSERT INTO directory.attempt (key, number, expire_time) SELECT ` + digest + `, 1, ` + dueAt,
	"consent.grant": `WITH g AS (
			INSERT INTO consent.grant (id, client_id, sub, scope, revoke_reason, revoke_time) SELECT gen_random_uuid(), 'c', i::text, 'a', 'admin', ` + dueAt + `
			RETURNING id)
		INSERT INTO consent.approval (grant_id, identity, audience, kind, resource_id, workspace_id, membership_id, version, by_policy, scope)
		SELECT id, ` + "sha256('')" + `, '', '', id, id, id, 1, false, 'a' FROM g`,
}

// stopwatch notes how long statements take.
type stopwatch struct {
	mu      sync.Mutex
	longest time.Duration
	what    string
	n       int
}

type startKey struct{}

type started struct {
	at  time.Time
	sql string
}

func (s *stopwatch) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, startKey{}, started{time.Now(), d.SQL})
}

func (s *stopwatch) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	began, _ := ctx.Value(startKey{}).(started)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	if took := time.Since(began.at); took > s.longest {
		s.longest, s.what = took, strings.Join(strings.Fields(began.sql), " ")
	}
}

// N311, at size: 5 million due rows in each of two tables and a million in each other
// one that Postgres has, on one connection, with requests at the same time.
func TestSizeOfSweeps(t *testing.T) {
	url := pgtest.URL(t, store.AllSets()...)
	begin := time.Now()
	want := fill(t, url)
	filled := time.Since(begin)

	watch := &stopwatch{}
	s, tables := sweptAtSize(t, url, watch)
	t.Cleanup(s.Close)
	requests := request(t, url)
	begin = time.Now()
	r := sweep.NewRunner(time.Now, slog.New(slog.NewTextHandler(t.Output(), nil)), tables...)
	rounds := 0
	for left := true; left; rounds++ {
		r.Round(t.Context())
		left = false
		for _, table := range r.Stats().Tables {
			left = left || table.Lag > time.Hour
		}
	}
	took := time.Since(begin)
	var ended int64 // batches that the limit of a second ended: they are repeated, smaller
	for _, table := range r.Stats().Tables {
		ended += table.Failures
		// Requests have taken over some of the attempts.
		if n := int64(want[table.Name]); table.Rows != n && table.Name != "directory.attempt" {
			t.Errorf("%s: %d rows went, want %d", table.Name, table.Rows, n)
		}
	}
	n, slowest := requests()
	for _, table := range []string{"token.redemption", "coherence.restriction_log"} {
		checkLiving(t, url, table)
	}
	t.Logf("size: sweeps (N311): %d rows of %d tables (%d in each of 2) in %s and %d rounds, %.0f rows/s; longest of %d statements %s (%.60s), %d ended by their limit; %d requests meanwhile, the slowest %s; filled in %s",
		total(want), len(want), most, took.Round(time.Second), rounds, float64(total(want))/took.Seconds(),
		watch.n, watch.longest.Round(time.Millisecond), watch.what, ended, n, slowest.Round(time.Millisecond), filled.Round(time.Second))
}

func total(rows map[string]int) (n int) {
	for _, each := range rows {
		n += each
	}
	return n
}

// fill returns how many rows of each table are due.
func fill(t *testing.T, url string) map[string]int {
	t.Helper()
	rows := map[string]int{}
	db, err := pg.Open(t.Context(), url, pg.Options{StatementTimeout: -1, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var group errgroup.Group
	group.SetLimit(2)
	for table, statement := range filling {
		rows[table] = fewer
		if table == "token.redemption" || table == "coherence.restriction_log" {
			rows[table] = most
		}
		group.Go(func() error {
			if _, err := db.Exec(t.Context(), statement, rows[table]); err != nil {
				return err
			}
			if rows[table] == most {
				_, err := db.Exec(t.Context(), statement, -living)
				return err
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// sweptAtSize are the tables of every service, as one process sweeps them.
func sweptAtSize(t *testing.T, url string, watch *stopwatch) (store.Stores, []sweep.Table) {
	t.Helper()
	urls := map[string]string{}
	for _, role := range roles.All() {
		if role != roles.Gateway && role != roles.Introspection {
			urls[role] = url
		}
	}
	s, err := store.OpenPostgres(t.Context(), urls, pg.Options{Tracer: watch}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	all := newServices(roles.Set{roles.Registry, roles.Directory, roles.Consent, roles.Token, roles.Authorize}, parts{
		config: &config.Config{Issuer: "https://as.test"}, preset: preset.Default(), stores: s, now: time.Now,
		conn: func(grpcserve.Caller) grpc.ClientConnInterface { return nil },
	})
	watch.mu.Lock()
	defer watch.mu.Unlock()
	watch.n, watch.longest = 0, 0
	return s, append(all.sweeps(), s.Sweeps...)
}

// request writes what requests write, until stop is called, which returns how many
// there were and how long the slowest took: a redemption, a restriction, and an
// attempt with the key of one that is due and may be swept at this moment.
func request(t *testing.T, url string) (stop func() (n int, slowest time.Duration)) {
	t.Helper()
	db, err := pg.Open(t.Context(), url, pg.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var n int
	var slowest time.Duration
	var running sync.WaitGroup
	running.Go(func() {
		for ; ctx.Err() == nil; n++ {
			begin := time.Now()
			if err := writeAll(t.Context(), db, n); err != nil {
				t.Error(err)
				return
			}
			slowest = max(slowest, time.Since(begin))
			pause.For(ctx, 5*time.Millisecond)
		}
	})
	return func() (int, time.Duration) {
		cancel()
		running.Wait()
		db.Close()
		return n, slowest
	}
}

func writeAll(ctx context.Context, db *pgxpool.Pool, n int) error {
	for _, statement := range []string{
		`INSERT INTO token.redemption (code_id, expire_time) SELECT gen_random_uuid(), statement_timestamp() + $1::bigint * interval '1 microsecond' + interval '1 day'`,
		`INSERT INTO coherence.restriction_log (kind, key, version, keep_until) SELECT 2, '', $1::bigint, statement_timestamp() + interval '1 day'`,
		`INSERT INTO directory.attempt (key, number, expire_time) VALUES (sha256(($1::bigint % 1000000 + 1)::text::bytea), 1, statement_timestamp() + interval '1 day')
		 ON CONFLICT (key) DO UPDATE SET number = 1, expire_time = excluded.expire_time`,
	} {
		if _, err := db.Exec(ctx, statement, n*97); err != nil {
			return err
		}
	}
	return nil
}

// checkLiving checks that what was not due is still there.
func checkLiving(t *testing.T, url, table string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var n int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil || n < living {
		t.Errorf("%s: %d rows are left, %v, want %d and those of the requests", table, n, err, living)
	}
}
