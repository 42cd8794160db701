// Package store opens the databases of a process: what its services keep, and what
// all of them share.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/pause"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/services/authorize"
	"github.com/chancery-auth/chancery/services/consent"
	"github.com/chancery-auth/chancery/services/directory"
	"github.com/chancery-auth/chancery/services/registry"
	"github.com/chancery-auth/chancery/services/token"
)

// auditKeep is how long the audit log of the embedded database keeps a record. On
// Postgres no service may delete one: see "chancery audit purge".
const auditKeep = 400 * 24 * time.Hour

// databaseRetry is the time between two looks for a database that is away.
const databaseRetry = time.Second

// poolSize is how many connections a process has to a database, unless its URL says
// otherwise: more would not make one server faster, and many processes share it.
const poolSize = 10

// Stores are what the services of a process keep, and what all services share.
type Stores struct {
	Name      string // "sqlite" or "postgres"; empty where there is none
	Registry  registry.Stores
	Directory directory.Stores
	Consent   consent.Stores
	Token     token.Stores
	Authorize authorize.Stores

	// Source is nil without the role of introspection.
	Source coherent.Source
	// Outbox and sweeps are nil without the role of registry, whose processes do
	// the work that belongs to no service alone.
	Outbox event.Outbox
	Sweeps []sweep.Table
	// Pools are by the roles that share them; empty on SQLite.
	Pools map[string]*pgxpool.Pool
	// Monitors know whether the pools can be used.
	Monitors []*pg.Monitor
	// Listen returns what calls each function when another process has committed
	// something; nil where there is no other process.
	Listen  func(wake ...func()) Runner
	Runners []Runner
	closers []func()
}

// Runner works until ctx ends.
type Runner func(ctx context.Context) error

// Close closes what is open, last first.
func (s *Stores) Close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
	s.closers = nil
}

// OpenSQLite opens the embedded database, and brings its schema up to date: this
// process is its only user.
func OpenSQLite(ctx context.Context, path string) (Stores, error) {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return Stores{}, err
	}
	if err := migrate.UpSQLite(ctx, db, AllSets()...); err != nil {
		return Stores{}, errors.Join(err, db.Close())
	}
	on := database.SQLite(db)
	return Stores{
		Name:     "sqlite",
		Registry: registry.NewStores(on), Directory: directory.NewStores(on), Consent: consent.NewStores(on),
		Token: token.NewStores(on), Authorize: authorize.NewStores(on),
		Source:  coherentsqlite.NewSource(db),
		Outbox:  eventdb.NewOutbox(on),
		Sweeps:  append(coherentdb.Sweeps(on), eventdb.Sweeps(on, auditKeep)...),
		closers: []func(){func() { _ = db.Close() }},
	}, nil
}

// postgres opens Postgres databases for roles.
type postgres struct {
	options pg.Options
	log     *slog.Logger
}

// OpenPostgres opens the stores of the roles, whose databases are named by role. Roles
// that name the same database share a pool.
func OpenPostgres(ctx context.Context, urls map[string]string, o pg.Options, log *slog.Logger) (s Stores, err error) {
	p := postgres{o, log}
	s = Stores{Pools: map[string]*pgxpool.Pool{}}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	for role, url := range urls {
		s.Name = "postgres"
		if role == roles.Introspection {
			p.openSource(&s, url)
		} else {
			db, err := p.openPool(ctx, &s, url, rolesAt(urls, url))
			if err != nil {
				return s, fmt.Errorf("database of %s: %w", role, err)
			}
			s.use(role, db)
		}
		s.Listen = func(wake ...func()) Runner { return eventpg.NewListener(url, o, log, wake...).Run }
	}
	return s, nil
}

// rolesAt are the roles that keep something in the database at url.
func rolesAt(urls map[string]string, url string) roles.Set {
	var list roles.Set
	for _, role := range roles.All() {
		if urls[role] == url && role != roles.Introspection {
			list = append(list, role)
		}
	}
	return list
}

// openPool opens a database whose schema is up to date. Migrating is a step of its
// own, because other servers may be running on it.
func (p postgres) openPool(ctx context.Context, s *Stores, url string, r roles.Set) (*pgxpool.Pool, error) {
	name := strings.Join(r, ",")
	if s.Pools[name] != nil {
		return s.Pools[name], nil
	}
	list, err := p.status(ctx, url, r)
	if err != nil {
		return nil, fmt.Errorf("look at the database: %w", err)
	}
	if n := Pending(list); n > 0 {
		return nil, fmt.Errorf("the database lacks %d migrations: run 'chancery migrate up' first", n)
	}
	notifier := eventpg.NewNotifier(url, p.options, p.log)
	o := p.options
	o.Wake = notifier.Wake
	if !strings.Contains(url, "pool_max_conns") {
		o.MaxConns = poolSize
	}
	db, err := pg.Open(ctx, url, o)
	if err != nil {
		return nil, err
	}
	s.Pools[name] = db
	monitor := pg.NewMonitor(db, time.Now, p.log.With(slog.String("of", name)))
	s.Monitors = append(s.Monitors, monitor)
	s.Runners = append(s.Runners, notifier.Run, monitor.Run)
	s.closers = append(s.closers, db.Close)
	return db, nil
}

// status looks at the schema, and waits for a database that is away: processes may
// start before it.
func (p postgres) status(ctx context.Context, url string, r roles.Set) ([]migrate.Status, error) {
	for waiting := false; ; waiting = true {
		list, err := migrate.StatusPostgres(ctx, url, Sets(r)...)
		if err == nil || !pg.Unavailable(err) {
			return list, err
		}
		if !waiting {
			p.log.WarnContext(ctx, "the database is out of reach", slog.Any("error", err))
		}
		if !pause.For(ctx, databaseRetry) {
			return nil, err
		}
	}
}

// openSource makes the feed of restrictions, which has a connection of its own.
func (p postgres) openSource(s *Stores, url string) {
	source := coherentpg.NewSource(url, p.options)
	s.Source = source
	s.closers = append(s.closers, func() { _ = source.Close(context.Background()) })
}

// use gives the role its stores in db.
func (s *Stores) use(role string, db *pgxpool.Pool) {
	on := database.Postgres(db)
	switch role {
	case roles.Registry:
		s.Registry = registry.NewStores(on)
		s.Outbox = eventdb.NewOutbox(on)
		s.Sweeps = coherentdb.Sweeps(on)
	case roles.Directory:
		s.Directory = directory.NewStores(on)
	case roles.Consent:
		s.Consent = consent.NewStores(on)
	case roles.Token:
		s.Token = token.NewStores(on)
	case roles.Authorize:
		s.Authorize = authorize.NewStores(on)
	}
}
