package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/chancery-auth/chancery/pkg/pgserver"
)

// cluster is one PostgreSQL server.
type cluster struct {
	adminURL string
	dir      string // holds data, socket and log; empty when the server is not ours
	programs *pgserver.Programs
	lifeline *os.File

	mu        sync.Mutex
	templates map[string]string // name of the template by fingerprint
}

// settings trade durability for speed where a test cannot tell: what a killed
// server leaves behind is still there, because the machine did not crash.
// synchronous_commit stays on, since clients insist on it.
const settings = "-c listen_addresses= -c fsync=off -c full_page_writes=off" +
	" -c max_connections=300 -c shared_buffers=32MB -c max_prepared_transactions=8" +
	" -c log_min_messages=fatal -c max_wal_senders=4 -c jit=off"

// watcher ends the server and removes its folder once its standard input is
// closed, which happens when the test process ends, even by SIGKILL.
const watcher = `cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
	kill -QUIT "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
fi
rm -rf "$1"`

// startCluster makes an empty cluster in a temporary folder and starts it.
func startCluster() (_ *cluster, err error) {
	programs, err := pgserver.Find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, programs: programs, templates: map[string]string{}}
	c.adminURL = (&url.URL{
		Scheme: "postgres", Path: "/postgres",
		RawQuery: url.Values{"host": {dir}, "user": {"postgres"}}.Encode(),
	}).String()
	if err := c.watch(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := programs.Own(dir); err != nil {
		return nil, err
	}
	if err := c.run("initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"); err != nil {
		return nil, err
	}
	return c, c.start()
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *cluster) start() error {
	return c.run("pg_ctl", "start", "-w", "-s", "-D", c.data(), "-l", filepath.Join(c.dir, "log"),
		"-o", settings+" -k "+c.dir)
}

// stop ends the server in one of the modes of pg_ctl.
func (c *cluster) stop(mode string) error {
	return c.run("pg_ctl", "stop", "-w", "-s", "-D", c.data(), "-m", mode)
}

// run runs one of the server's programs to its end.
func (c *cluster) run(program string, args ...string) error {
	// The server outlives the test that happens to start it, so no context.
	cmd := c.programs.Command(context.Background(), program, args...)
	cmd.Dir = c.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		return fmt.Errorf("run %s: %w: %s%s", program, err, out, log)
	}
	return nil
}

// watch starts the watcher. The write end of its pipe is held by this process
// alone, and for as long as it lives: no child inherits it.
func (c *cluster) watch() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command("sh", "-c", watcher, "sh", c.dir) //nolint:gosec,noctx // The folder is ours.
	cmd.Stdin = r
	detach(cmd)
	if err := errors.Join(cmd.Start(), r.Close()); err != nil {
		return errors.Join(err, w.Close())
	}
	c.lifeline = w
	return nil
}

// detach keeps an interrupt from the terminal away from the child.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
