package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/health"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/store"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// Command is "chancery doctor".
type Command struct {
	folder.Folder
	Config   string   `help:"The configuration file of 'chancery run'. Default: look at the data folder of 'chancery serve'." placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	Role     []string `help:"Role of the process, with --config; may be repeated. Default: those that its certificate names." placeholder:"ROLE"`
	Database string   `help:"URL of the Postgres database that 'chancery serve' uses; with a password it goes into the variable. Default: the embedded one below the data folder." placeholder:"URL" env:"CHANCERY_DATABASE"`
	KEK      string   `help:"Key-encryption key that 'chancery serve' uses: file:PATH or env:NAME. Default: the file below the data folder." name:"kek" placeholder:"URI" env:"CHANCERY_KEK"`
	JSON     bool     `help:"Print JSON." name:"json"`
}

// Run implements the command. It fails when a check does.
func (c *Command) Run(ctx context.Context, s terminal.Streams) error {
	checks, done := c.checks()
	defer done()
	results := []Result{}
	failed := 0
	for result := range Run(ctx, checks) {
		results = append(results, result)
		if result.Status == Fail {
			failed++
		}
		if !c.JSON {
			printResult(s, result)
		}
	}
	if c.JSON {
		if err := terminal.JSON(s.Out, map[string]any{"ok": failed == 0, "checks": results}); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks fail", failed, len(results))
	}
	return nil
}

// printResult is one line and, where there is something to do, what.
func printResult(s terminal.Streams, r Result) {
	fmt.Fprintf(s.Out, "%-4s  %s: %s\n", r.Status, r.Check, r.Message)
	if r.Fix != "" {
		fmt.Fprintf(s.Out, "      → %s\n", r.Fix)
	}
}

func (c *Command) checks() (checks []Check, done func()) {
	if c.Config == "" {
		return c.folderChecks()
	}
	loaded, err := config.Load(c.Config, os.LookupEnv, c.Role...)
	if err != nil {
		return []Check{finding("configuration", Bad("%v", err).Do("correct the file; 'chancery config print --defaults' explains every key"))}, func() {}
	}
	warnings := loaded.Warnings()
	checks = append(checks, finding("configuration", Good("%s is fine", c.Config)))
	for _, warning := range warnings {
		checks = append(checks, finding("configuration", Odd("%s", warning)))
	}
	sets := store.AllSets()
	if len(c.Role) > 0 {
		sets = store.Sets(c.Role) // a service's own database role may read no more
	}
	subject := Subject{Config: loaded, Roles: c.Role, Sets: sets, Now: time.Now}
	more, done := subject.Checks()
	return append(checks, more...), done
}

// finding is a check whose outcome is known.
func finding(name string, f Finding) Check {
	return Check{Name: name, Run: func(context.Context) Finding { return f }}
}

// folderChecks look at what 'chancery serve' has.
func (c *Command) folderChecks() (checks []Check, done func()) {
	done = func() {}
	if _, err := os.Stat(c.Data); err != nil {
		return []Check{finding("data folder", Bad("%v", err).Do("name the folder with --data, or the configuration file of 'chancery run' with --config"))}, done
	}
	checks = []Check{
		{Name: "data folder", Run: c.checkFolder},
		{Name: "key-encryption key", Run: c.checkKEK},
	}
	if c.Database != "" {
		var more []Check
		more, done = DatabaseChecks(c.Database, store.AllSets(), time.Now)
		checks = append(checks, more...)
	} else {
		checks = append(checks, Check{Name: "database migrations", Run: c.checkEmbedded})
	}
	checks = append(checks, Check{Name: "server", Run: c.checkServer})
	if info, err := c.ReadServer(); err == nil {
		checks = append(checks, IssuerCheck(info.Issuer))
	}
	return checks, done
}

func (c *Command) checkFolder(context.Context) Finding {
	info, err := os.Stat(c.Data)
	if err != nil {
		return Bad("%v", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Odd("%s has mode %04o: others can look at what is in it", c.Data, mode).Do("chmod 700 %s", c.Data)
	}
	return Good("%s is the owner's alone", c.Data)
}

func (c *Command) checkKEK(context.Context) Finding {
	if c.KEK != "" {
		return CheckKEK(c.KEK)
	}
	return CheckKEK("file:" + c.KEKFile())
}

// checkEmbedded looks at the schema of the embedded database. It makes none.
func (c *Command) checkEmbedded(ctx context.Context) (f Finding) {
	if _, err := os.Stat(c.DatabaseFile()); errors.Is(err, fs.ErrNotExist) {
		return Odd("there is no database yet").Do("'chancery serve --data %s' makes it", c.Data)
	}
	db, err := sqlite.Open(ctx, c.DatabaseFile())
	if err != nil {
		return Bad("the database cannot be opened: %v", err).Do("restore it from a backup")
	}
	defer func() {
		if err := db.Close(); err != nil && f.Status == OK {
			f = Odd("the database cannot be closed: %v", err)
		}
	}()
	list, err := migrate.StatusSQLite(ctx, db, store.AllSets()...)
	if err != nil {
		return Bad("the schema cannot be read: %v", err).Do("restore the database from a backup")
	}
	if n := store.Pending(list); n > 0 {
		return Odd("%d of %d migrations are pending", n, len(list)).Do("'chancery serve' applies them when it starts")
	}
	return Good("all %d migrations are applied", len(list))
}

// checkServer asks the server that serves the folder, if one does.
func (c *Command) checkServer(ctx context.Context) Finding {
	info, err := c.ReadServer()
	if err != nil {
		return Odd("%v", err)
	}
	h, err := health.Fetch(ctx, info.Internal)
	switch {
	case err != nil:
		return Bad("the server at %s does not answer: %v", info.Internal, err).Do("start it again with 'chancery serve --data %s'", c.Data)
	case !h.Ready:
		return Bad("the server is not ready: it last knew all restrictions %d ms ago", h.LeaseAgeMillis).Do("look at its log, and at its database")
	case h.ClockDisagrees:
		return Bad("the clocks of the server and of its database are more than 5m apart, so that nothing is swept").Do("synchronise both with NTP")
	}
	return Good("the server at %s is ready", info.HTTP)
}
