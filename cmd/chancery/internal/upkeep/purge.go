package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// AuditPurge is "chancery audit purge". It needs the rights of the role that
// migrates: no service may delete a record.
type AuditPurge struct {
	Config   string        `help:"Configuration that names the Postgres database." placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	Database string        `help:"URL of the Postgres database, as the role that owns the tables; with a password it goes into the variable." placeholder:"URL" env:"CHANCERY_DATABASE"`
	Keep     time.Duration `help:"Delete records older than this, by the database's clock." required:"" placeholder:"DURATION"`
	JSON     bool          `help:"Print JSON." name:"json"`
}

// leastKeep guards against a slip of the keyboard.
const leastKeep = 24 * time.Hour

// Validate implements kong's check of a command.
func (c *AuditPurge) Validate() error {
	if c.Keep < leastKeep {
		return fmt.Errorf("--keep must be at least %s", leastKeep)
	}
	return nil
}

// Run implements the command.
func (c *AuditPurge) Run(ctx context.Context, s terminal.Streams) error {
	flags := migrateFlags{Config: c.Config, Database: c.Database}
	url, err := flags.postgres()
	if err != nil {
		return err
	}
	if url == "" {
		return errors.New("name the Postgres database with --config or --database; the embedded one is purged by the server itself")
	}
	db, err := pg.Open(ctx, url, pg.Options{StatementTimeout: -1})
	if err != nil {
		return err
	}
	defer db.Close()
	deleted, err := sweep.All(ctx, time.Now, eventdb.Sweeps(database.Postgres(db), c.Keep)...)
	if err != nil {
		return err
	}
	if c.JSON {
		return terminal.JSON(s.Out, map[string]int64{"deleted": deleted})
	}
	_, err = fmt.Fprintf(s.Out, "%d records deleted from %s\n", deleted, flags.place(url))
	return err
}
