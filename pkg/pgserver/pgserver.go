// Package pgserver finds the programs of a PostgreSQL server on this machine,
// and runs them as a user that may run them: the server refuses to be root.
package pgserver

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// ErrNotFound is returned where no server is installed.
var ErrNotFound = errors.New("no PostgreSQL server program found on PATH or below /usr/lib/postgresql: `make test` installs it")

// Programs are initdb, pg_ctl, postgres and their siblings.
type Programs struct {
	dir   string
	owner *owner // whom they run as; nil means as this process
}

// owner is a user that the server accepts to run as.
type owner struct{ uid, gid uint32 }

// Find looks where PATH leads to, else takes the newest server that the
// distribution installed. Fails with [ErrNotFound].
func Find() (*Programs, error) {
	dir, err := find()
	if err != nil {
		return nil, err
	}
	o, err := unprivileged()
	if err != nil {
		return nil, err
	}
	return &Programs{dir, o}, nil
}

// Command is one of the programs, not yet started. It speaks English, so that
// what it says can be found again.
func (p *Programs) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.dir, name), args...) //nolint:gosec // The folder is that of the server.
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if p.owner != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: p.owner.uid, Gid: p.owner.gid}
	}
	return cmd
}

// Own gives path to the user that the programs run as.
func (p *Programs) Own(path string) error {
	if p.owner == nil {
		return nil
	}
	return os.Chown(path, int(p.owner.uid), int(p.owner.gid))
}

// Foreign reports whether the programs run as another user than this process.
func (p *Programs) Foreign() bool { return p.owner != nil }

// find returns the folder of initdb.
func find() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		// A link to one program says nothing of its siblings.
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", err
		}
		return filepath.Dir(path), nil
	}
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(dirs) == 0 {
		return "", ErrNotFound
	}
	newest := dirs[0]
	for _, d := range dirs[1:] {
		// A longer name is a greater number: 9.6, 15, 100.
		if len(d) > len(newest) || len(d) == len(newest) && d > newest {
			newest = d
		}
	}
	return filepath.Dir(newest), nil
}

// unprivileged returns nil unless this process runs as root.
func unprivileged() (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // No other user is needed, and nil says so.
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		return &owner{uint32(uid), uint32(gid)}, errors.Join(uidErr, gidErr)
	}
	return nil, errors.New("postgres refuses to run as root, and there is neither a user postgres nor nobody")
}
