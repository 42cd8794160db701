package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/chancery-auth/chancery/deploy/postgres"
	"github.com/chancery-auth/chancery/pkg/pgserver"
)

const (
	databaseName = "chancery"
	superuser    = "postgres"
)

// Postgres is the database server. What an unexpected end of the machine, not
// of a process, leaves behind is not safe: it does not wait for the disk.
type Postgres struct {
	*Process

	programs *pgserver.Programs
	address  string
	dir      string
	password string // of every role, which only this folder's owner can read
}

// newPostgres prepares the server's folder, making it when it is not there.
func newPostgres(ctx context.Context, l layout, address string) (*Postgres, error) {
	programs, err := pgserver.Find()
	if err != nil {
		return nil, err
	}
	p := &Postgres{programs: programs, address: address}
	if p.password, err = keep(l.file("keys", "postgres.password"), rand.Text); err != nil {
		return nil, err
	}
	if p.dir, err = p.folder(l); err != nil {
		return nil, err
	}
	return p, p.initialise(ctx, l)
}

// folder is where the server keeps its data. A folder that the server's user
// cannot get to, as below the home of root, stands elsewhere and is linked.
func (p *Postgres) folder(l layout) (string, error) {
	path := l.file("postgres")
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target, nil
	}
	if !p.programs.Foreign() || public(l.dir) {
		return path, errors.Join(os.Mkdir(path, 0o700), p.programs.Own(path))
	}
	elsewhere, err := os.MkdirTemp("", "chancery-postgres-")
	if err != nil {
		return "", err
	}
	_ = os.Remove(path) // a link to what is no longer there
	return elsewhere, errors.Join(os.Symlink(elsewhere, path), p.programs.Own(elsewhere))
}

// public reports whether anybody may enter the folder and those above it.
func public(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if above := filepath.Dir(dir); above != dir {
			dir = above
			continue
		}
		return true
	}
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// initialise makes the database's files unless they are there.
func (p *Postgres) initialise(ctx context.Context, l layout) (err error) {
	_, err = os.Stat(filepath.Join(p.data(), "PG_VERSION"))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// What was in a database that is gone is gone as well.
	if err := os.Remove(l.demo()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// initdb reads the password from a file that its user can read.
	password := filepath.Join(p.dir, "password")
	if err := errors.Join(os.WriteFile(password, []byte(p.password+"\n"), 0o600), p.programs.Own(password)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(password)) }()
	cmd := p.programs.Command(ctx, "initdb", "-D", p.data(), "-U", superuser, "-A", "scram-sha-256", "--pwfile", password,
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	cmd.Dir = p.dir
	_, err = runOnce(cmd, "")
	return err
}

// process is the server's.
func (p *Postgres) process(base *Process) *Process {
	host, port, _ := net.SplitHostPort(p.address)
	base.command = func() *exec.Cmd {
		cmd := p.programs.Command(context.Background(), "postgres", "-D", p.data(),
			"-c", "listen_addresses="+host, "-c", "port="+port, "-c", "unix_socket_directories=",
			"-c", "max_connections=300", "-c", "shared_buffers=64MB",
			"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "log_min_messages=warning")
		cmd.Dir = p.dir
		return cmd
	}
	base.ready = func(ctx context.Context) error {
		_, err := runOnce(p.programs.Command(ctx, "pg_isready", "-q", "-h", host, "-p", port), "")
		return err
	}
	// Fast shutdown: open transactions are rolled back.
	base.signal, base.death = syscall.SIGINT, syscall.SIGQUIT
	return base
}

// Restart stops the server, rolling back what is open, and starts it again.
func (p *Postgres) Restart(ctx context.Context) error {
	if err := p.Stop(ctx); err != nil {
		return err
	}
	return p.Start(ctx)
}

// Crash ends the server at once, as a crash of all its processes does: the next
// start recovers from the log.
func (p *Postgres) Crash(ctx context.Context) error {
	r, err := p.end(syscall.SIGQUIT)
	if err != nil {
		return err
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// URL is that of the database for its owner, with the password.
func (p *Postgres) URL() string { return p.url(databaseRole("owner"), p.address) }

func (p *Postgres) url(role, address string) string {
	return (&url.URL{Scheme: "postgres", User: url.UserPassword(role, p.password), Host: address, Path: "/" + databaseName}).String()
}

// databaseRole is the database's name for a role.
func databaseRole(role string) string { return "chancery_" + role }

// createDatabase makes the database unless it is there.
func (p *Postgres) createDatabase(ctx context.Context) error {
	out, err := p.sql(ctx, superuser, "SELECT count(*) FROM pg_database WHERE datname = '"+databaseName+"';")
	if err != nil || strings.TrimSpace(out) != "0" {
		return err
	}
	_, err = p.sql(ctx, superuser, "CREATE DATABASE "+databaseName+";")
	return err
}

// createRoles makes the roles of the services, and lets them log in.
func (p *Postgres) createRoles(ctx context.Context) error {
	var script strings.Builder
	script.WriteString(postgres.Roles())
	for _, role := range append(Roles(), "owner") {
		if role != gateway {
			fmt.Fprintf(&script, "ALTER ROLE %s PASSWORD '%s';\n", databaseRole(role), p.password)
		}
	}
	_, err := p.sql(ctx, databaseName, script.String())
	return err
}

// SQL runs statements in the database as a superuser, and returns what they print.
func (p *Postgres) SQL(ctx context.Context, script string) (string, error) {
	return p.sql(ctx, databaseName, script)
}

// sql runs a script as the superuser, stopping at the first failure.
func (p *Postgres) sql(ctx context.Context, database, script string) (string, error) {
	host, port, _ := net.SplitHostPort(p.address)
	cmd := p.programs.Command(ctx, "psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", port, "-U", superuser, "-d", database)
	cmd.Env = append(cmd.Env, "PGPASSWORD="+p.password)
	cmd.Dir = p.dir
	out, err := runOnce(cmd, script)
	return string(out), err
}
