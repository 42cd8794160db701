package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// folder is where a cluster is, as every command takes it.
type folder struct {
	Dir string `help:"Folder of the cluster." default:".cluster" type:"path"`
}

func (f folder) lock() string    { return filepath.Join(f.Dir, "supervisor.pid") }
func (f folder) summary() string { return filepath.Join(f.Dir, "cluster.json") }
func (f folder) log() string     { return filepath.Join(f.Dir, "supervisor.log") }

// acquire makes this process the supervisor of the folder for as long as the
// file is open. What a supervisor that died has left is not in the way: a lock
// ends with its process.
func (f folder) acquire() (*os.File, error) {
	if err := os.MkdirAll(f.Dir, 0o755); err != nil { //nolint:gosec // The database server's user has to get through.
		return nil, err
	}
	file, err := os.OpenFile(f.lock(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(f.running(), file.Close())
	}
	return file, errors.Join(file.Truncate(0), write(file, os.Getpid()))
}

func write(file *os.File, pid int) error {
	_, err := fmt.Fprintln(file, pid)
	return err
}

// running is the error of a second start.
func (f folder) running() error {
	pid, err := f.pid()
	if err != nil {
		return err
	}
	return fmt.Errorf("the cluster in %s runs already, as process %d: `make cluster-stop` stops it, `bin/cluster status` shows it", f.Dir, pid)
}

// pid is the supervisor's, 0 when there is none.
func (f folder) pid() (int, error) {
	file, err := os.Open(f.lock())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // Nothing was written.
	if syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		return 0, nil // whoever wrote it is gone
	}
	content, err := os.ReadFile(f.lock())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(content)))
}
