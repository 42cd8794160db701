package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/pause"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/token"
)

// Restore are "chancery restore-epoch …". They talk to the database
// itself, because a restored one must not be served before its epoch is raised.
type Restore struct {
	Show  restoreShow  `cmd:"" help:"Show the restore epoch."`
	Raise restoreRaise `cmd:"" help:"End every token and code issued before now. Do it after each restore from a backup, before anything serves: the backup has forgotten what was revoked since."`
}

// restoreFlags say which database. Its role must own the tables, as for 'chancery
// migrate'.
type restoreFlags struct{ migrateFlags }

// in runs f in a transaction of the database at url, or of the embedded one, which
// no process may serve.
func (r restoreFlags) in(ctx context.Context, url string, f func(tx *database.Tx) error) (err error) {
	if url != "" {
		db, err := pg.Open(ctx, url, pg.Options{MaxConns: 1})
		if err != nil {
			return err
		}
		defer db.Close()
		return database.Postgres(db).InTx(ctx, f)
	}
	if _, err := os.Stat(r.DatabaseFile()); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database below %s", r.Data)
	}
	unlock, err := r.Acquire()
	if err != nil {
		return err
	}
	defer unlock()
	db, err := sqlite.Open(ctx, r.DatabaseFile())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return database.SQLite(db).InTx(ctx, f)
}

type restoreShow struct{ restoreFlags }

// Run implements the command.
func (c *restoreShow) Run(ctx context.Context, s terminal.Streams) error {
	url, err := c.postgres()
	if err != nil {
		return err
	}
	var epoch int64
	err = c.in(ctx, url, func(tx *database.Tx) (err error) {
		epoch, err = coherentdb.RestoreEpoch(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return terminal.JSON(s.Out, map[string]int64{"epoch": epoch})
	}
	_, err = fmt.Fprintln(s.Out, epoch)
	return err
}

type restoreRaise struct {
	restoreFlags
	Yes bool `help:"Do not ask." short:"y"`
}

// Run implements the command.
func (c *restoreRaise) Run(ctx context.Context, s terminal.Streams) error {
	url, err := c.postgres()
	if err != nil {
		return err
	}
	if !c.Yes {
		if err := terminal.Confirm(s, fmt.Sprintf("This ends every token and code issued so far by %s.", c.place(url))); err != nil {
			return err
		}
	}
	epochs, err := c.raise(ctx, url)
	if err != nil {
		return err
	}
	// Until the second has begun that the epoch is: a code of the second before it is
	// dead, even one issued after the epoch was raised.
	pause.For(ctx, time.Second)
	if c.JSON {
		return terminal.JSON(s.Out, map[string]int64{"before": epochs.Before, "epoch": epochs.After})
	}
	_, err = fmt.Fprintf(s.Out, `The restore epoch of %s was %d and is %d now.
Every token and code issued before is dead: users and clients get new ones.
Start the services now. One that runs takes the epoch over within 30 s, and until
then issues access tokens that are dead already.
Whatever else was changed after the backup is undone: repeat what took something
away, such as revoked secrets, disabled users and removed members.
`, c.place(url), epochs.Before, epochs.After)
	return err
}

// raise ends what was issued, and says so in the audit log, or does neither.
func (c *restoreRaise) raise(ctx context.Context, url string) (epochs token.Epochs, err error) {
	err = c.in(ctx, url, func(tx *database.Tx) error {
		if epochs, err = token.EndAll(ctx, tx); err != nil {
			return err
		}
		return eventdb.Append(ctx, tx, event.Event{Type: event.RestoreEpochRaised})
	})
	return epochs, err
}
