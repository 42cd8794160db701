package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/chancery-auth/chancery/e2e/cluster"
)

// announcements is the descriptor on which a supervisor in the background tells
// who started it how far it is.
const announcements = 3

// upCommand starts a cluster.
type upCommand struct {
	folder
	Binary     string `help:"The program chancery." default:"bin/chancery" type:"existingfile"`
	Port       int    `help:"Port of the issuer in a new folder, if it is free." default:"8480"`
	Foreground bool   `help:"Stay, and stop the cluster on an interrupt."`
	Announce   bool   `hidden:"" help:"Say on descriptor 3 how far it is, and close it."`
}

// Run implements the command.
func (c *upCommand) Run(ctx context.Context) error {
	if c.Foreground {
		return c.supervise(ctx)
	}
	pid, err := c.pid()
	if err != nil {
		return err
	}
	if pid != 0 {
		return c.running()
	}
	return c.background(ctx)
}

// background starts a supervisor that outlives this process, and returns when
// the cluster is ready.
func (c *upCommand) background(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil { //nolint:gosec // The database server's user has to get through.
		return err
	}
	log, err := os.OpenFile(c.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // It is the supervisor's.
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()                                                                                  //nolint:errcheck // Nothing was written.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, "up", "--foreground", "--announce", //nolint:gosec // This program.
		"--dir", c.Dir, "--binary", c.Binary, fmt.Sprintf("--port=%d", c.Port))
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		return err
	}
	// An interrupt is for the supervisor as well as for this process.
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	if _, err := io.Copy(os.Stdout, r); err != nil {
		return err
	}
	if _, err := os.Stat(c.summary()); err != nil {
		return fmt.Errorf("the cluster did not start (%w): see %s", cmd.Wait(), c.log())
	}
	fmt.Fprintln(os.Stdout, "\nIt runs in the background: `make cluster-stop` stops it, `bin/cluster status` shows it.")
	return cmd.Process.Release()
}

// supervise runs the cluster until ctx ends.
func (c *upCommand) supervise(ctx context.Context) (err error) {
	lock, err := c.acquire()
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // That ends the lock.
	out, ready := c.output()
	if err := os.Remove(c.summary()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	running, err := c.start(ctx, out)
	if err != nil {
		fmt.Fprintln(out, "cluster:", err)
		return err
	}
	defer func() {
		err = errors.Join(err, running.Stop(), os.Remove(c.summary()))
		fmt.Fprintln(os.Stdout, "the cluster has stopped")
	}()
	if err := c.present(ctx, running, out); err != nil {
		fmt.Fprintln(out, "cluster:", err)
		return err
	}
	ready()
	<-ctx.Done()
	return nil
}

// output is where progress goes, and a function to call when there is none any
// more. The terminal of who started a supervisor in the background may be gone
// after that.
func (c *upCommand) output() (out io.Writer, ready func()) {
	if !c.Announce {
		return os.Stdout, func() {}
	}
	// The processes of the cluster would keep it open.
	syscall.CloseOnExec(announcements)
	pipe := os.NewFile(announcements, "announcements")
	a := &announcer{pipe: pipe}
	return a, a.end
}

func (c *upCommand) start(ctx context.Context, out io.Writer) (*cluster.Cluster, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	binary, err := filepath.Abs(c.Binary)
	if err != nil {
		return nil, err
	}
	return cluster.Start(ctx, cluster.Options{
		Dir: c.Dir, Binary: binary, Self: self, Log: out, Port: c.Port, Revive: true,
		Now: time.Now,
	})
}

// present makes the demo, and says where everything is.
func (c *upCommand) present(ctx context.Context, running *cluster.Cluster, out io.Writer) error {
	demo, err := running.Seed(ctx)
	if err != nil {
		return err
	}
	summary := running.Summary(demo)
	if err := summary.Print(ctx, out); err != nil {
		return err
	}
	content, err := json.MarshalIndent(summary, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.summary(), content, 0o600)
}
