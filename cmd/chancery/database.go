package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/authorize"
	"github.com/chancery-auth/chancery/services/consent"
	"github.com/chancery-auth/chancery/services/directory"
	"github.com/chancery-auth/chancery/services/registry"
	"github.com/chancery-auth/chancery/services/token"
)

// stores are what every service keeps, and the feed of restrictions, in one
// database.
type stores struct {
	name      string // "sqlite" or "postgres"
	registry  registry.Stores
	directory directory.Stores
	consent   consent.Stores
	token     token.Stores
	authorize authorize.Stores

	source coherent.Source
	sweep  func(context.Context) (int64, error)
	close  func()
}

// openStores opens the database that the flags name.
func (c *serveCommand) openStores(ctx context.Context) (stores, error) {
	if c.Database != "" {
		return openPostgres(ctx, c.Database)
	}
	return openSQLite(ctx, c.database())
}

// openSQLite opens the embedded database, and brings its schema up to date: this
// process is its only user.
func openSQLite(ctx context.Context, path string) (stores, error) {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return stores{}, err
	}
	if err := migrate.UpSQLite(ctx, db, migrationSets()...); err != nil {
		return stores{}, errors.Join(err, db.Close())
	}
	return stores{
		name:     "sqlite",
		registry: registry.SQLite(db), directory: directory.SQLite(db), consent: consent.SQLite(db),
		token: token.SQLite(db), authorize: authorize.SQLite(db),
		source: coherentsqlite.NewSource(db),
		sweep:  func(ctx context.Context) (int64, error) { return coherentsqlite.Sweep(ctx, db) },
		close:  func() { _ = db.Close() },
	}, nil
}

// openPostgres opens a database whose schema is up to date. Migrating is a step
// of its own, because other servers may be running on it.
func openPostgres(ctx context.Context, url string) (stores, error) {
	list, err := migrate.StatusPostgres(ctx, url, migrationSets()...)
	if err != nil {
		return stores{}, fmt.Errorf("look at the database: %w", err)
	}
	if n := pending(list); n > 0 {
		return stores{}, fmt.Errorf("the database lacks %d migrations: run 'chancery migrate up --database …' first", n)
	}
	db, err := pg.Open(ctx, url, pg.Options{})
	if err != nil {
		return stores{}, err
	}
	source := coherentpg.NewSource(url, pg.Options{})
	return stores{
		name:     "postgres",
		registry: registry.Postgres(db), directory: directory.Postgres(db), consent: consent.Postgres(db),
		token: token.Postgres(db), authorize: authorize.Postgres(db),
		source: source,
		sweep:  func(ctx context.Context) (int64, error) { return coherentpg.Sweep(ctx, db) },
		close:  func() { closePostgres(db, source) },
	}, nil
}

func closePostgres(db *pgxpool.Pool, source *coherentpg.Source) {
	_ = source.Close(context.Background())
	db.Close()
}
