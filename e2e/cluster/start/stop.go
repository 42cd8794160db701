package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/chancery-auth/chancery/e2e/cluster"
)

const stopPeriod = 50 * time.Millisecond

// stopCommand stops a cluster.
type stopCommand struct{ folder }

// Run implements the command.
func (c *stopCommand) Run(ctx context.Context) error {
	pid, err := c.pid()
	if err != nil {
		return err
	}
	if pid == 0 {
		fmt.Fprintf(os.Stdout, "no cluster runs in %s\n", c.Dir)
		return nil
	}
	log, err := c.openLog()
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // Nothing was written.
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop process %d: %w", pid, err)
	}
	tick := time.NewTicker(stopPeriod)
	defer tick.Stop()
	for pid != 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if pid, err = c.pid(); err != nil {
			return err
		}
		if _, err := io.Copy(os.Stdout, log); err != nil {
			return err
		}
	}
	return nil
}

// openLog opens what the supervisor says from now on.
func (c *stopCommand) openLog() (*os.File, error) {
	log, err := os.OpenFile(c.log(), os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = log.Seek(0, io.SeekEnd)
	return log, err
}

// statusCommand shows a cluster.
type statusCommand struct{ folder }

// Run implements the command. It fails when no cluster runs.
func (c *statusCommand) Run(ctx context.Context) error {
	pid, err := c.pid()
	if err != nil {
		return err
	}
	if pid == 0 {
		return fmt.Errorf("no cluster runs in %s: `make cluster` starts one", c.Dir)
	}
	content, err := os.ReadFile(c.summary())
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the cluster in %s is not ready yet: see %s", c.Dir, c.log())
	}
	if err != nil {
		return err
	}
	var summary cluster.Summary
	if err := json.Unmarshal(content, &summary); err != nil {
		return fmt.Errorf("read %s: %w", c.summary(), err)
	}
	return summary.Print(ctx, os.Stdout)
}
