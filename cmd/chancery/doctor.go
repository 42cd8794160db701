package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/config"
	"github.com/chancery-auth/chancery/cmd/chancery/doctor"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/health"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/store"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// doctorCommand is "chancery doctor".
type doctorCommand struct {
	folder.Folder
	Config   string   `help:"The configuration file of 'chancery run'. Default: look at the data folder of 'chancery serve'." placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	Role     []string `help:"Role of the process, with --config; may be repeated. Default: those that its certificate names." placeholder:"ROLE"`
	Database string   `help:"URL of the Postgres database that 'chancery serve' uses; with a password it goes into the variable. Default: the embedded one below the data folder." placeholder:"URL" env:"CHANCERY_DATABASE"`
	KEK      string   `help:"Key-encryption key that 'chancery serve' uses: file:PATH or env:NAME. Default: the file below the data folder." name:"kek" placeholder:"URI" env:"CHANCERY_KEK"`
	JSON     bool     `help:"Print JSON." name:"json"`
}

// Run implements the command. It fails when a check does.
func (c *doctorCommand) Run(ctx context.Context, s terminal.Streams) error {
	checks, done := c.checks()
	defer done()
	results := []doctor.Result{}
	failed := 0
	for result := range doctor.Run(ctx, checks) {
		results = append(results, result)
		if result.Status == doctor.Fail {
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
func printResult(s terminal.Streams, r doctor.Result) {
	fmt.Fprintf(s.Out, "%-4s  %s: %s\n", r.Status, r.Check, r.Message)
	if r.Fix != "" {
		fmt.Fprintf(s.Out, "      → %s\n", r.Fix)
	}
}

func (c *doctorCommand) checks() (checks []doctor.Check, done func()) {
	if c.Config == "" {
		return c.folderChecks()
	}
	loaded, err := config.Load(c.Config, os.LookupEnv, c.Role...)
	if err != nil {
		return []doctor.Check{finding("configuration", doctor.Bad("%v", err).Do("correct the file; 'chancery config print --defaults' explains every key"))}, func() {}
	}
	warnings := loaded.Warnings()
	checks = append(checks, finding("configuration", doctor.Good("%s is fine", c.Config)))
	for _, warning := range warnings {
		checks = append(checks, finding("configuration", doctor.Odd("%s", warning)))
	}
	sets := store.AllSets()
	if len(c.Role) > 0 {
		sets = store.Sets(c.Role) // a service's own database role may read no more
	}
	subject := doctor.Subject{Config: loaded, Roles: c.Role, Sets: sets, Now: time.Now}
	more, done := subject.Checks()
	return append(checks, more...), done
}

// finding is a check whose outcome is known.
func finding(name string, f doctor.Finding) doctor.Check {
	return doctor.Check{Name: name, Run: func(context.Context) doctor.Finding { return f }}
}

// folderChecks look at what 'chancery serve' has.
func (c *doctorCommand) folderChecks() (checks []doctor.Check, done func()) {
	done = func() {}
	if _, err := os.Stat(c.Data); err != nil {
		return []doctor.Check{finding("data folder", doctor.Bad("%v", err).Do("name the folder with --data, or the configuration file of 'chancery run' with --config"))}, done
	}
	checks = []doctor.Check{
		{Name: "data folder", Run: c.checkFolder},
		{Name: "key-encryption key", Run: c.checkKEK},
	}
	if c.Database != "" {
		var more []doctor.Check
		more, done = doctor.DatabaseChecks(c.Database, store.AllSets(), time.Now)
		checks = append(checks, more...)
	} else {
		checks = append(checks, doctor.Check{Name: "database migrations", Run: c.checkEmbedded})
	}
	checks = append(checks, doctor.Check{Name: "server", Run: c.checkServer})
	if info, err := c.ReadServer(); err == nil {
		checks = append(checks, doctor.IssuerCheck(info.Issuer))
	}
	return checks, done
}

func (c *doctorCommand) checkFolder(context.Context) doctor.Finding {
	info, err := os.Stat(c.Data)
	if err != nil {
		return doctor.Bad("%v", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return doctor.Odd("%s has mode %04o: others can look at what is in it", c.Data, mode).Do("chmod 700 %s", c.Data)
	}
	return doctor.Good("%s is the owner's alone", c.Data)
}

func (c *doctorCommand) checkKEK(context.Context) doctor.Finding {
	if c.KEK != "" {
		return doctor.CheckKEK(c.KEK)
	}
	return doctor.CheckKEK("file:" + c.KEKFile())
}

// checkEmbedded looks at the schema of the embedded database. It makes none.
func (c *doctorCommand) checkEmbedded(ctx context.Context) (f doctor.Finding) {
	if _, err := os.Stat(c.DatabaseFile()); errors.Is(err, fs.ErrNotExist) {
		return doctor.Odd("there is no database yet").Do("'chancery serve --data %s' makes it", c.Data)
	}
	db, err := sqlite.Open(ctx, c.DatabaseFile())
	if err != nil {
		return doctor.Bad("the database cannot be opened: %v", err).Do("restore it from a backup")
	}
	defer func() {
		if err := db.Close(); err != nil && f.Status == doctor.OK {
			f = doctor.Odd("the database cannot be closed: %v", err)
		}
	}()
	list, err := migrate.StatusSQLite(ctx, db, store.AllSets()...)
	if err != nil {
		return doctor.Bad("the schema cannot be read: %v", err).Do("restore the database from a backup")
	}
	if n := store.Pending(list); n > 0 {
		return doctor.Odd("%d of %d migrations are pending", n, len(list)).Do("'chancery serve' applies them when it starts")
	}
	return doctor.Good("all %d migrations are applied", len(list))
}

// checkServer asks the server that serves the folder, if one does.
func (c *doctorCommand) checkServer(ctx context.Context) doctor.Finding {
	info, err := c.ReadServer()
	if err != nil {
		return doctor.Odd("%v", err)
	}
	h, err := health.Fetch(ctx, info.Internal)
	switch {
	case err != nil:
		return doctor.Bad("the server at %s does not answer: %v", info.Internal, err).Do("start it again with 'chancery serve --data %s'", c.Data)
	case !h.Ready:
		return doctor.Bad("the server is not ready: it last knew all restrictions %d ms ago", h.LeaseAgeMillis).Do("look at its log, and at its database")
	case h.ClockDisagrees:
		return doctor.Bad("the clocks of the server and of its database are more than 5m apart, so that nothing is swept").Do("synchronise both with NTP")
	}
	return doctor.Good("the server at %s is ready", info.HTTP)
}
