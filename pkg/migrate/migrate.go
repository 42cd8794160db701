// Package migrate brings a database to the schema that the binary expects.
//
// Each owner of tables brings a [Set] of numbered SQL files, which go forward
// only; every file must be safe with the previous and with the next release,
// because both run during an upgrade. Each set keeps a version table of its
// own, so sets know nothing of each other. Files begin with "-- +goose Up" and
// qualify every table with its schema.
package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// Set is the migrations of one owner.
type Set struct {
	// Name is the Postgres schema and, with an underscore, the prefix of the
	// SQLite tables. It is a lower-case SQL identifier.
	Name string
	// Postgres and SQLite hold the files at their root, named
	// 0001_what_it_does.sql and so on.
	Postgres, SQLite fs.FS
}

// New makes the set of the files in the folders postgres and sqlite.
func New(name string, files fs.FS) Set {
	// Sub fails only for a malformed path, and these are constants.
	postgres, _ := fs.Sub(files, "postgres")
	lite, _ := fs.Sub(files, "sqlite")
	return Set{Name: name, Postgres: postgres, SQLite: lite}
}

// Status is one migration of a set.
type Status struct {
	Set     string
	Version int64
	Name    string    // of the file
	Applied time.Time // zero while it is pending
}

// UpSQLite applies what is pending in each set, in the order given.
func UpSQLite(ctx context.Context, db *sqlite.DB, sets ...Set) error {
	for _, s := range sets {
		p, err := s.sqliteProvider(db.Write())
		if err != nil {
			return err
		}
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("migrate %s: %w", s.Name, err)
		}
	}
	return nil
}

// StatusSQLite lists the migrations of each set. It creates a version table
// where none is.
func StatusSQLite(ctx context.Context, db *sqlite.DB, sets ...Set) ([]Status, error) {
	return status(ctx, sets, func(s Set) (*goose.Provider, error) { return s.sqliteProvider(db.Write()) })
}

func (s Set) sqliteProvider(db *sql.DB) (*goose.Provider, error) {
	return s.provider(goose.DialectSQLite3, db, s.SQLite, s.Name+"_goose_db_version")
}

func (s Set) postgresProvider(db *sql.DB) (*goose.Provider, error) {
	return s.provider(goose.DialectPostgres, db, s.Postgres, s.Name+".goose_db_version")
}

func (s Set) provider(dialect goose.Dialect, db *sql.DB, files fs.FS, table string) (*goose.Provider, error) {
	if !validName(s.Name) {
		return nil, fmt.Errorf("set name %q is not a lower-case identifier", s.Name)
	}
	p, err := goose.NewProvider(dialect, db, files,
		goose.WithTableName(table),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, fmt.Errorf("read migrations of %s: %w", s.Name, err)
	}
	return p, nil
}

// validName guards the statements that a name is written into.
func validName(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && r != '_' {
			return false
		}
	}
	return name != ""
}

func status(ctx context.Context, sets []Set, provider func(Set) (*goose.Provider, error)) ([]Status, error) {
	var all []Status
	for _, s := range sets {
		p, err := provider(s)
		if err != nil {
			return nil, err
		}
		found, err := p.Status(ctx)
		if err != nil {
			return nil, fmt.Errorf("read status of %s: %w", s.Name, err)
		}
		for _, m := range found {
			all = append(all, Status{Set: s.Name, Version: m.Source.Version, Name: m.Source.Path, Applied: m.AppliedAt})
		}
	}
	return all, nil
}

// closing joins the error of closing db to err.
func closing(db *sql.DB, err *error) { *err = errors.Join(*err, db.Close()) }
