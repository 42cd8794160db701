// Package upkeep has the commands that work on the database itself, as the role that
// owns its tables.
package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/store"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// Migrate are "chancery migrate …".
type Migrate struct {
	Up     migrateUp     `cmd:"" help:"Apply what is pending. Safe beside running servers of this and the previous version."`
	Status migrateStatus `cmd:"" help:"Show which migrations are applied."`
}

// migrateFlags say which database.
type migrateFlags struct {
	folder.Folder
	Database string `help:"URL of a Postgres database; with a password it goes into the variable. Default: the embedded one below the data folder." placeholder:"URL" env:"CHANCERY_DATABASE"`
	Config   string `help:"Configuration that names the Postgres database." placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	JSON     bool   `help:"Print JSON." name:"json"`
}

// postgres is the URL of the Postgres database, empty for the embedded one.
func (m migrateFlags) postgres() (string, error) {
	if m.Config == "" {
		return m.Database, nil
	}
	cfg, err := config.Load(m.Config, os.LookupEnv)
	if err != nil {
		return "", err
	}
	if !cfg.Database.Set() {
		return "", fmt.Errorf("%s names no database", m.Config)
	}
	url, err := cfg.Database.Resolve()
	return url.Reveal(), err
}

// place names the database at url for people, without what lets in.
func (m migrateFlags) place(url string) string {
	if url == "" {
		return m.DatabaseFile()
	}
	cfg, err := pg.Config(url, pg.Options{AllowPlaintext: true})
	if err != nil {
		return "the database"
	}
	return fmt.Sprintf("the database %s on %s", cfg.Database, cfg.Host)
}

// statuses reads how far the database is.
func (m migrateFlags) statuses(ctx context.Context) (list []migrate.Status, err error) {
	url, err := m.postgres()
	if err != nil {
		return nil, err
	}
	if url != "" {
		return migrate.StatusPostgres(ctx, url, store.AllSets()...)
	}
	db, err := sqlite.Open(ctx, m.DatabaseFile())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return migrate.StatusSQLite(ctx, db, store.AllSets()...)
}

func (m migrateFlags) print(ctx context.Context, s terminal.Streams) error {
	list, err := m.statuses(ctx)
	if err != nil {
		return err
	}
	if m.JSON {
		type line struct {
			Set     string     `json:"set"`
			Version int64      `json:"version"`
			Name    string     `json:"name"`
			Applied *time.Time `json:"applied"`
		}
		lines := make([]line, 0, len(list))
		for _, each := range list {
			l := line{Set: each.Set, Version: each.Version, Name: each.Name}
			if !each.Applied.IsZero() {
				l.Applied = &each.Applied
			}
			lines = append(lines, l)
		}
		return terminal.JSON(s.Out, map[string]any{"migrations": lines, "pending": store.Pending(list)})
	}
	rows := make([][]string, 0, len(list))
	for _, each := range list {
		applied := "pending"
		if !each.Applied.IsZero() {
			applied = each.Applied.Format(time.RFC3339)
		}
		rows = append(rows, []string{each.Set, fmt.Sprint(each.Version), applied, each.Name})
	}
	return terminal.Table(s.Out, "SCHEMA VERSION APPLIED NAME", rows)
}

type migrateUp struct{ migrateFlags }

// Run implements the command.
func (c *migrateUp) Run(ctx context.Context, s terminal.Streams) error {
	url, err := c.postgres()
	if err != nil {
		return err
	}
	if url != "" {
		if err := migrate.UpPostgres(ctx, url, store.AllSets()...); err != nil {
			return err
		}
		return c.print(ctx, s)
	}
	unlock, err := c.Acquire()
	if err != nil {
		return err
	}
	defer unlock()
	db, err := sqlite.Open(ctx, c.DatabaseFile())
	if err != nil {
		return err
	}
	err = errors.Join(migrate.UpSQLite(ctx, db, store.AllSets()...), db.Close())
	if err != nil {
		return err
	}
	return c.print(ctx, s)
}

type migrateStatus struct{ migrateFlags }

// Run implements the command.
func (c *migrateStatus) Run(ctx context.Context, s terminal.Streams) error { return c.print(ctx, s) }
