package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// leastVersion is the oldest server that is supported, as the server counts.
const leastVersion = 140000

// bulky is the size of the restriction log, in bytes, that a replica takes long to
// load.
const bulky = 4 << 30

// Allowed differences of the database's clock from this machine's.
const (
	clockWarn = time.Second
	clockFail = time.Minute
)

// database is one database, and the roles that use it.
type database struct {
	from  config.Secret
	roles []string
	all   bool // it is the only one, so that its checks need no name
	sets  []migrate.Set
	now   func() time.Time
	url   string
	err   error // why there is no connection to try
	open  func() (*pgxpool.Pool, error)
}

// databases are those of the roles, each once.
func (s Subject) databases() []*database {
	var list []*database
	for _, role := range s.Roles {
		from := s.Config.DatabaseOf(role)
		if !config.NeedsDatabase(role) || !from.Set() {
			continue
		}
		url, err := from.Resolve()
		i := slices.IndexFunc(list, func(d *database) bool { return err == nil && d.url == url.Reveal() })
		if i < 0 {
			list = append(list, newDatabase(s, from))
			i = len(list) - 1
		}
		list[i].roles = append(list[i].roles, role)
	}
	for _, d := range list {
		d.all = len(list) == 1
	}
	return list
}

// DatabaseChecks are those of one database, by its URL, whoever uses it. The
// caller calls done once they have run.
func DatabaseChecks(url string, sets []migrate.Set, now func() time.Time) (checks []Check, done func()) {
	d := &database{url: url, all: true, sets: sets, now: now}
	d.open = sync.OnceValues(d.connect)
	return d.checks(), d.close
}

func newDatabase(s Subject, from config.Secret) *database {
	d := &database{from: from, sets: s.Sets, now: s.Now}
	d.open = sync.OnceValues(d.connect)
	url, err := from.Resolve()
	if err != nil {
		d.err = err
		return d
	}
	d.url = url.Reveal()
	return d
}

// connect makes a pool without the refusals of package pg: a check says more.
func (d *database) connect() (*pgxpool.Pool, error) {
	if d.err != nil {
		return nil, d.err
	}
	if _, err := pg.Config(d.url, pg.Options{}); err != nil {
		// A connection that is not private is not tried.
		return nil, err
	}
	cfg, err := pgxpool.ParseConfig(d.url)
	if err != nil {
		return nil, errors.New("the URL of the database cannot be read")
	}
	cfg.MaxConns = 4
	cfg.ConnConfig.ConnectTimeout = timeout
	cfg.ConnConfig.RuntimeParams["application_name"] = "chancery-doctor"
	cfg.ConnConfig.RuntimeParams["search_path"] = "pg_catalog, pg_temp"
	return pgxpool.NewWithConfig(context.Background(), cfg)
}

func (d *database) pool() (*pgxpool.Pool, error) { return d.open() }

func (d *database) close() {
	if pool, err := d.pool(); err == nil {
		pool.Close()
	}
}

// checks are the table of this kind.
func (d *database) checks() []Check {
	table := []struct {
		name string
		run  func(context.Context, *pgxpool.Pool) Finding
	}{
		{"version", checkVersion},
		{"synchronous_commit", checkCommit},
		{"durable writes", checkWrites},
		{"primary", checkPrimary},
		{"standby", checkStandby},
		{"rights", checkRights},
		{"migrations", d.checkMigrations},
		{"clock", d.checkClock},
		{"restriction log", d.checkLog},
		{"oldest transaction", checkTransactions},
	}
	list := []Check{{d.name("TLS"), d.checkTLS}, {d.name("reachable"), d.checkReachable}}
	for _, each := range table {
		list = append(list, Check{d.name(each.name), func(ctx context.Context) Finding {
			pool, err := d.pool()
			if err != nil || pool.Ping(ctx) != nil {
				return Finding{} // reachable says so
			}
			return each.run(ctx, pool)
		}})
	}
	return list
}

// name is that of a check, with the roles where there are several databases.
func (d *database) name(check string) string {
	if d.all {
		return "database " + check
	}
	return "database of " + strings.Join(d.roles, ",") + " " + check
}

func (d *database) checkTLS(context.Context) Finding {
	if d.err != nil {
		return Finding{}
	}
	_, err := pg.Config(d.url, pg.Options{})
	switch {
	case errors.Is(err, pg.ErrUnsafeServer):
		return Bad("%v", err).Do("add sslmode=verify-full and sslrootcert=FILE to the URL of the database")
	case err != nil:
		return Bad("the URL of the database cannot be read").Do("want postgres://user@host:5432/name?sslmode=verify-full")
	}
	return Good("the connection is verified, or stays on this machine")
}

func (d *database) checkReachable(ctx context.Context) Finding {
	pool, err := d.pool()
	if errors.Is(err, pg.ErrUnsafeServer) {
		return Bad("not tried: the connection would not be private").Do("see the check of TLS")
	}
	if err == nil {
		err = pool.Ping(ctx)
	}
	if err != nil {
		return Bad("the database does not answer: %v", err).Do("start it, and look at host, port, user and the rules of pg_hba.conf")
	}
	return Good("%s answers", pool.Config().ConnConfig.Host)
}

func (d *database) checkMigrations(ctx context.Context, _ *pgxpool.Pool) Finding {
	list, err := migrate.StatusPostgres(ctx, d.url, d.sets...)
	if err != nil {
		return Odd("what is migrated cannot be read: %v", err).Do("run 'chancery migrate status' as the role that migrates")
	}
	pending := 0
	for _, each := range list {
		if each.Applied.IsZero() {
			pending++
		}
	}
	if pending > 0 {
		return Bad("%d of %d migrations are pending", pending, len(list)).Do("run 'chancery migrate up'")
	}
	return Good("all %d migrations are applied", len(list))
}

// checkClock compares clocks. Of some tries the quickest counts, and half its
// round trip is how far the answer may be off.
func (d *database) checkClock(ctx context.Context, pool *pgxpool.Pool) Finding {
	var difference time.Duration
	best := time.Duration(-1)
	for range 3 {
		var theirs time.Time
		start := d.now()
		if err := pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&theirs); err != nil {
			return queryFailed(err)
		}
		trip := d.now().Sub(start)
		if best < 0 || trip < best {
			best, difference = trip, theirs.Sub(start.Add(trip/2)).Abs()
		}
	}
	shown := difference.Round(time.Millisecond)
	switch {
	case difference-best/2 > sweep.MaxClockDifference:
		return Bad("the clocks of this machine and of the database differ by %s: nothing that has expired is deleted", shown).Do("synchronise both with NTP")
	case difference-best/2 > clockFail:
		return Bad("the clocks of this machine and of the database differ by %s", shown).Do("synchronise both with NTP")
	case difference-best/2 > clockWarn:
		return Odd("the clocks of this machine and of the database differ by %s", shown).Do("synchronise both with NTP")
	}
	return Good("the clocks differ by %s", shown)
}

func queryFailed(err error) Finding {
	return Odd("the question to the database failed: %v", err).Do("run the check again, as a role that may read it")
}

// migrated says whether a table is there.
func (d *database) migrated(ctx context.Context, table string) bool {
	pool, err := d.pool()
	if err != nil {
		return false
	}
	var there bool
	err = pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&there)
	return err == nil && there
}

func (d *database) checkLog(ctx context.Context, pool *pgxpool.Pool) Finding {
	if !d.migrated(ctx, "coherence.restriction_log") {
		return Finding{} // migrations say so
	}
	var rows, bytes int64
	err := pool.QueryRow(ctx, `
		SELECT greatest(reltuples, 0)::bigint, pg_total_relation_size(oid)
		  FROM pg_class
		 WHERE oid = 'coherence.restriction_log'::regclass`).Scan(&rows, &bytes)
	if err != nil {
		return queryFailed(err)
	}
	size := fmt.Sprintf("about %d restrictions, %s on disk", rows, config.Size(bytes).Rounded())
	if bytes > bulky {
		return Odd("%s: replicas of introspection take long to load them", size).Do("look whether restrictions are swept, and at introspection.memory")
	}
	return Good("%s", size)
}
