package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/chancery-auth/chancery/pkg/pg"
)

const (
	// lockID names the advisory lock of migrations. It is arbitrary and must
	// never change, or two releases would migrate at once.
	lockID = 0x6368616e63657279
	// lockPeriod is the time between two attempts to take the lock. Asking
	// again and again, rather than waiting inside one statement, leaves no
	// snapshot open that CREATE INDEX CONCURRENTLY would wait for.
	lockPeriod = 200 * time.Millisecond
	// lockTimeout bounds how long a migration waits for a table, because all who
	// come later wait behind it; it then lets them through, and tries again.
	lockTimeout = "2s"
	lockPause   = time.Second
)

// UpPostgres applies what is pending in each set, in the order given, to the
// database at url. Any number of processes may call it at once: one migrates,
// the others wait for it until ctx ends.
func UpPostgres(ctx context.Context, url string, sets ...Set) (err error) {
	db, err := openPostgres(url)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to database: %w", err)
	}
	// Closing the connection, which db.Close does, ends the lock.
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := lock(ctx, conn); err != nil {
		return err
	}
	for _, s := range sets {
		if err := s.upPostgres(ctx, db); err != nil {
			return err
		}
	}
	return nil
}

// StatusPostgres lists the migrations of each set. It creates a version table
// where none is, and so needs the rights of the migrating role.
func StatusPostgres(ctx context.Context, url string, sets ...Set) (_ []Status, err error) {
	db, err := openPostgres(url)
	if err != nil {
		return nil, err
	}
	defer closing(db, &err)
	return status(ctx, sets, func(s Set) (*goose.Provider, error) {
		if err := s.createSchema(ctx, db); err != nil {
			return nil, err
		}
		return s.postgresProvider(db)
	})
}

func (s Set) upPostgres(ctx context.Context, db *sql.DB) error {
	if err := s.createSchema(ctx, db); err != nil {
		return err
	}
	p, err := s.postgresProvider(db)
	if err != nil {
		return err
	}
	for {
		_, err := p.Up(ctx)
		if err == nil {
			return nil
		}
		if !pg.LockNotAvailable(err) {
			return fmt.Errorf("migrate %s: %w", s.Name, err)
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return fmt.Errorf("migrate %s: a table stays in use: %w", s.Name, err)
		}
	}
}

// createSchema asks before it creates: CREATE SCHEMA needs a right that a role
// which only reads the status may not have.
func (s Set) createSchema(ctx context.Context, db *sql.DB) error {
	var exists bool
	err := db.QueryRowContext(ctx, `SELECT to_regnamespace($1) IS NOT NULL`, s.Name).Scan(&exists)
	if err != nil {
		return fmt.Errorf("look up schema %s: %w", s.Name, err)
	}
	if exists || !validName(s.Name) {
		return nil
	}
	if _, err := db.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{s.Name}.Sanitize()); err != nil {
		return fmt.Errorf("create schema %s: %w", s.Name, err)
	}
	return nil
}

// openPostgres has no statement timeout: a migration may rewrite a table.
func openPostgres(url string) (*sql.DB, error) {
	cfg, err := pg.Config(url, pg.Options{ApplicationName: "chancery migrate", StatementTimeout: -1})
	if err != nil {
		return nil, err
	}
	cfg.RuntimeParams["lock_timeout"] = lockTimeout
	return stdlib.OpenDB(*cfg), nil
}

// lock takes the session lock on conn, which holds it until it is closed.
func lock(ctx context.Context, conn *sql.Conn) error {
	tick := time.NewTicker(lockPeriod)
	defer tick.Stop()
	for {
		var taken bool
		if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock($1)`, int64(lockID)).Scan(&taken); err != nil {
			return fmt.Errorf("lock migrations: %w", err)
		}
		if taken {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("lock migrations: %w", ctx.Err())
		}
	}
}
