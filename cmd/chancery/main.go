// Command chancery is the authorization server and its tools: one binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/admin"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/build"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/cert"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/cluster"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/doctor"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/health"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/inspect"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/single"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/upkeep"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	code := run(ctx, os.Args[1:], terminal.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}

// endSignals returns the signals that end the process in order. A process that was
// started to outlive its terminal (nohup) goes on ignoring SIGHUP.
func endSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// commands is the command line.
type commands struct {
	Serve     single.Command  `cmd:"" help:"Run every service in this process, on an embedded database."`
	Run       cluster.Command `cmd:"" help:"Run some services in this process, the others elsewhere, by a configuration file."`
	Migrate   upkeep.Migrate  `cmd:"" help:"Bring the database schema up to date, or show how far it is."`
	Client    admin.Client    `cmd:"" help:"Manage OAuth clients and their secrets."`
	User      admin.User      `cmd:"" help:"Manage the users of the built-in directory."`
	Workspace admin.Workspace `cmd:"" help:"Manage workspaces."`
	Project   admin.Project   `cmd:"" help:"Manage the projects of a workspace."`
	Member    admin.Member    `cmd:"" help:"Manage who has which role in a workspace."`
	Grant     admin.Grant     `cmd:"" help:"See and revoke what users have allowed clients."`
	Session   admin.Session   `cmd:"" help:"See and end sign-in sessions."`
	Token     admin.Token     `cmd:"" help:"Introspect and revoke tokens."`
	Preset    inspect.Preset  `cmd:"" help:"See the providers that Chancery can be, or check one of your own."`
	Config    inspect.Config  `cmd:"" help:"Check a configuration file, or print what is in force."`
	Doctor    doctor.Command  `cmd:"" help:"Look whether everything that a process needs is there and safe."`
	Key       admin.Key       `cmd:"" help:"See, rotate and retire the keys that seal and sign."`
	Cert      cert.Commands   `cmd:"" help:"Make certificates for development."`
	Restore   upkeep.Restore  `cmd:"" name:"restore-epoch" help:"End what was issued before the database was restored from a backup."`
	Audit     auditCommands   `cmd:"" help:"See what has changed, and who asked for it."`
	Events    admin.Events    `cmd:"" help:"Follow what is published to other systems."`
	Status    health.Command  `cmd:"" help:"Ask a running server how it is."`
	Version   build.Command   `cmd:"" help:"Print the version."`
}

// auditCommands are "chancery audit …". No service may delete a record.
type auditCommands struct {
	List  admin.AuditList   `cmd:"" help:"List what has changed, newest first."`
	Purge upkeep.AuditPurge `cmd:"" help:"Delete old records."`
}

// exited carries kong's wish to exit, as after --help, out of its parser.
type exited int

// run is main without the process. It returns the exit code.
func run(ctx context.Context, args []string, s terminal.Streams) (code int) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case exited:
			code = int(e)
		default:
			panic(e)
		}
	}()
	var c commands
	parser, err := kong.New(&c,
		kong.Name("chancery"),
		kong.Description("An OAuth 2.1 and OpenID Connect authorization server."),
		kong.Writers(s.Out, s.Err),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	)
	if err != nil {
		fmt.Fprintln(s.Err, "chancery:", err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = settlePlace(parsed)
	}
	if err != nil {
		fmt.Fprintf(s.Err, "chancery: %v\nTry 'chancery --help'.\n", err)
		return exitUsage
	}
	if c, ok := parsed.Selected().Target.Addr().Interface().(io.Closer); ok {
		defer func() { _ = c.Close() }() // what the command has connected to
	}
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(s.Err, "chancery:", sentence(err))
		return exitFailed
	}
	return 0
}

// sentence is an error for the person at the terminal.
func sentence(err error) string {
	var f *fault.Error
	var refusal *oauth.Error
	switch {
	case errors.As(err, &f):
		return f.Message
	case errors.As(err, &refusal) && refusal.Description != "":
		return refusal.Description
	default:
		return err.Error()
	}
}
