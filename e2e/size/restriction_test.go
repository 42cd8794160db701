//go:build size

package size

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// room is the default of introspection.memory, in MiB.
const room = 256

const (
	// slowRate is what a slow database sends, in bytes a second.
	slowRate = 16 << 20
	// queryCanceled is the code of PostgreSQL for a statement that took too long.
	queryCanceled = "57014"
)

// A process starts on a log of three million restrictions,
// and goes through a change of the database's identity that has lost a part of them;
// first so over a link on which one statement for the whole log would be ended.
// Then the log grows beyond the room.
func TestRestrictionLog(t *testing.T) {
	const rows, more, clients = 3_000_000, 2_500_000, 1000
	db := newDatabase(t)
	base := db.serve(t, db.url)
	baseline := base.ready(t, "baseline").peak
	base.stop(t)
	db.restrict(t, 0, rows, clients)

	link, slow := pgtest.Proxy(t, db.url)
	link.Slow(slowRate)
	db.needsPages(t, slow)
	p := db.loadAndFailOver(t, slow, fmt.Sprintf(", database at %d MiB/s", slowRate>>20), rows, baseline)
	p.stop(t)

	p = db.loadAndFailOver(t, db.url, "", rows, baseline)
	db.restrict(t, rows, more, clients)
	p.until(t, "the room is full", func(m metrics) bool { return m["chancery_restriction_lost_clients"] > 0 })
	p.until(t, "the lease is held", func(m metrics) bool { return m["chancery_lease_age_seconds"] < 2 })
	m := p.metrics(t)
	report(t, "memory at the cap", "rows=%d held=%.0f counted=%.0fMiB clients_without_room=%.0f peak=%dMiB over_base=%dMiB",
		rows+more, m["chancery_restrictions"], m["chancery_restriction_bytes"]/(1<<20), m["chancery_restriction_lost_clients"],
		p.peak(t), p.peak(t)-baseline)
	checkPeak(t, "the cap", p.peak(t)-baseline)
	p.stop(t)
}

// loadAndFailOver starts a process on a log of so many rows, and then takes some of
// them away, as a failover does.
func (db database) loadAndFailOver(t *testing.T, url, how string, rows, baseline int) *process {
	t.Helper()
	const lost = 100_000
	p := db.serve(t, url)
	loaded := p.ready(t, "load"+how)
	report(t, "load"+how, "rows=%d time=%s peak=%dMiB over_base=%dMiB", rows, loaded.took, loaded.peak, loaded.peak-baseline)
	checkPeak(t, "load"+how, loaded.peak-baseline)

	db.lose(t, lost)
	begin := time.Now()
	p.until(t, "the identity has changed", func(m metrics) bool { return m["chancery_database_identity_changes_total"] == 1 })
	p.until(t, "the lease is held again", func(m metrics) bool {
		return m["chancery_lease_age_seconds"] < 2 && m["chancery_restrictions_loaded_ratio"] == 1
	})
	again := time.Since(begin)
	db.until(t, "what was lost is written back", rows)
	report(t, "failover"+how, "rows=%d lost=%d lease_after=%s written_back_after=%s peak=%dMiB over_base=%dMiB",
		rows, lost, again.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond), p.peak(t), p.peak(t)-baseline)
	checkPeak(t, "failover"+how, p.peak(t)-baseline)
	return p
}

// needsPages checks that one statement for the whole log would be ended by the limit
// on statements.
func (db database) needsPages(t *testing.T, url string) {
	t.Helper()
	conn, err := pg.Connect(t.Context(), url, pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	rows, err := conn.Query(t.Context(), `SELECT kind, key, version, value, keep_until FROM coherence.restriction_log`)
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for rows.Next() {
		read++
	}
	if ended := (*pgconn.PgError)(nil); !errors.As(rows.Err(), &ended) || ended.Code != queryCanceled {
		t.Errorf("one statement reads %d rows, %v, want it to be ended", read, rows.Err())
	}
	t.Logf("one statement is ended after %d rows", read)
}

// A membership that has changed every hour for a year, and a client that has.
func TestAYearOfHourlyChanges(t *testing.T) {
	const year, most = 365 * 24, 2 * 25
	db := newDatabase(t)
	db.exec(t, `
		INSERT INTO coherence.restriction_log (kind, key, version, value, keep_until)
		SELECT 8, 'sub'::bytea || '\x00'::bytea || decode(repeat('07', 16), 'hex'), i, decode(lpad(to_hex(i % 3), 2, '0'), 'hex'),
		       statement_timestamp() + interval '24 hours 10 minutes' - ($1 - i) * interval '1 hour'
		  FROM generate_series(1, $1) AS i
		UNION ALL
		SELECT 7, 'client', i, convert_to('openid s' || i % 100, 'UTF8'),
		       statement_timestamp() + interval '24 hours 10 minutes' - ($1 - i) * interval '1 hour'
		  FROM generate_series(1, $1) AS i`, year)
	p := db.serve(t, db.url)
	p.ready(t, "year")
	// The first pass over the state comes within two minutes.
	p.until(t, "what has run out is dropped", func(m metrics) bool { return m["chancery_restrictions"] <= most })
	report(t, "a year of hourly changes", "changes=%d held=%.0f", 2*year, p.metrics(t)["chancery_restrictions"])
	p.stop(t)
}

func checkPeak(t *testing.T, what string, over int) {
	t.Helper()
	if over > room*3/2 {
		t.Errorf("%s: %d MiB at the peak, want up to 1.5 times the room of %d MiB", what, over, room)
	}
}

// database is one with the tables of Chancery, and the folder with their key.
type database struct{ program, url, data string }

func newDatabase(t *testing.T) database {
	t.Helper()
	db := database{filepath.Join(t.TempDir(), "chancery"), pgtest.URL(t), t.TempDir()}
	if out, err := exec.Command("go", "build", "-o", db.program, "../../cmd/chancery").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	migrate := exec.Command(db.program, "migrate", "up")
	migrate.Env = append(os.Environ(), "CHANCERY_DATABASE="+db.url)
	if out, err := migrate.CombinedOutput(); err != nil {
		t.Fatalf("migrate up: %v\n%s", err, out)
	}
	return db
}

func (db database) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// restrict adds rows for tokens, grants and families, of so many clients.
func (db database) restrict(t *testing.T, from, rows, clients int) {
	t.Helper()
	begin := time.Now()
	db.exec(t, `
		INSERT INTO coherence.restriction_log (kind, key, version, value, keep_until)
		SELECT 1 + i % 3, decode(md5(i::text), 'hex'), CASE WHEN i % 3 = 0 THEN 0 ELSE 1 END,
		       CASE WHEN i % 3 = 0 THEN decode(md5('f' || i), 'hex') ELSE '' END || convert_to('client-' || i % $3, 'UTF8'),
		       statement_timestamp() + interval '1 day'
		  FROM generate_series($1::bigint, $1::bigint + $2 - 1) AS i`, from, rows, clients)
	db.exec(t, `ANALYZE coherence.restriction_log`)
	t.Logf("%d rows are written in %s", rows, time.Since(begin).Round(time.Second))
}

// lose deletes the first rows behind the back of the guards, which changes the identity
// of the log as a failover does.
func (db database) lose(t *testing.T, rows int) {
	t.Helper()
	db.exec(t, `ALTER TABLE coherence.restriction_log DISABLE TRIGGER USER`)
	db.exec(t, `DELETE FROM coherence.restriction_log WHERE id <= (SELECT min(id) + $1 - 1 FROM coherence.restriction_log)`, rows)
	var names []string
	conn, err := pgx.Connect(t.Context(), db.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	found, err := conn.Query(t.Context(), `SELECT tgname FROM pg_trigger WHERE tgrelid = 'coherence.restriction_log'::regclass AND NOT tgisinternal`)
	if err != nil {
		t.Fatal(err)
	}
	if names, err = pgx.CollectRows(found, pgx.RowTo[string]); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		db.exec(t, `ALTER TABLE coherence.restriction_log ENABLE ALWAYS TRIGGER `+pgx.Identifier{name}.Sanitize())
	}
}

// until waits for so many rows.
func (db database) until(t *testing.T, what string, rows int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	wait(t, what, func() bool {
		var n int
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM coherence.restriction_log`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n >= rows
	})
}

// wait asks five times a second, for up to five minutes.
func wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("not after five minutes: %s", what)
		case <-ticker.C:
		}
	}
}

// process is a chancery with every role.
type process struct {
	cmd      *exec.Cmd
	started  time.Time
	Internal string `json:"internal"`
}

func (db database) serve(t *testing.T, url string) *process {
	t.Helper()
	p := &process{started: time.Now()}
	p.cmd = exec.Command(db.program, "serve", "--json", "--data", db.data, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
	p.cmd.Env = append(os.Environ(), "CHANCERY_DATABASE="+url)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	if err := json.NewDecoder(out).Decode(p); err != nil {
		t.Fatalf("serve says nothing: %v", err)
	}
	return p
}

func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(os.Interrupt)
	_ = p.cmd.Wait()
}

// loading is what a start took, in time and, at its peak, in MiB.
type loading struct {
	took time.Duration
	peak int
}

func (p *process) ready(t *testing.T, what string) loading {
	t.Helper()
	p.until(t, what, func(m metrics) bool { return m["chancery_ready"] == 1 })
	return loading{time.Since(p.started).Round(time.Millisecond), p.peak(t)}
}

// metrics are those without labels.
type metrics map[string]float64

func (p *process) until(t *testing.T, what string, is func(metrics) bool) {
	t.Helper()
	wait(t, what, func() bool { return is(p.metrics(t)) })
}

func (p *process) metrics(t *testing.T) metrics {
	t.Helper()
	resp, err := http.Get("http://" + p.Internal + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	m := metrics{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		name, _, _ = strings.Cut(name, "{")
		if f, err := strconv.ParseFloat(value, 64); err == nil {
			m[name] = f
		}
	}
	return m
}

// peak is the most memory that the process had so far, in MiB.
func (p *process) peak(t *testing.T) int {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(content), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}
