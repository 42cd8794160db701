package e2e

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/oauth2"

	"github.com/chancery-auth/chancery/pkg/pgserver"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// keeper backs up and restores the database of a server that does not run.
type keeper struct {
	name string
	// data is the server's folder, and flags name its database unless it is there.
	data            string
	flags           []string
	backup, restore func(t *testing.T)
}

// sqliteKeeper copies the file of the embedded database.
func sqliteKeeper(t *testing.T) keeper {
	t.Helper()
	data := t.TempDir()
	copied := filepath.Join(t.TempDir(), "backup")
	database := filepath.Join(data, "chancery.db")
	return keeper{
		name: "sqlite", data: data,
		backup:  func(t *testing.T) { copyFile(t, database, copied) },
		restore: func(t *testing.T) { copyFile(t, copied, database) },
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if leftover, err := filepath.Glob(to + "-*"); err != nil || len(leftover) > 0 {
		t.Fatalf("a stopped server leaves %v, %v", leftover, err)
	}
	if err := os.WriteFile(to, []byte(readFile(t, from)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// postgresKeeper uses pg_dump, and restores into a database made anew.
func postgresKeeper(t *testing.T) keeper {
	t.Helper()
	programs, err := pgserver.Find()
	if err != nil {
		t.Fatal(err)
	}
	address, data := pgtest.URL(t), t.TempDir()
	if _, err := (&server{data: data}).try("", "migrate", "up", "--database", address); err != nil {
		t.Fatal(err)
	}
	var dump []byte
	return keeper{
		name: "postgres", data: data, flags: []string{"--database", address},
		backup: func(t *testing.T) { dump = runProgram(t, programs, nil, "pg_dump", "--format=custom", address) },
		restore: func(t *testing.T) {
			empty(t, address)
			runProgram(t, programs, dump, "pg_restore", "--exit-on-error", "--dbname="+address)
		},
	}
}

// runProgram runs a program of PostgreSQL, and returns what it writes.
func runProgram(t *testing.T, programs *pgserver.Programs, input []byte, name string, args ...string) []byte {
	t.Helper()
	command := programs.Command(t.Context(), name, args...)
	var out, said bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &out, &said
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said.String())
	}
	return out.Bytes()
}

// empty makes the database at address anew.
func empty(t *testing.T, address string) {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	name := pgx.Identifier{config.Database}.Sanitize()
	config.Database = "postgres"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	for _, statement := range []string{"DROP DATABASE " + name + " WITH (FORCE)", "CREATE DATABASE " + name} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// N285: a database that was restored has forgotten what was revoked since the
// backup. Raising its epoch ends everything that was issued before.
func TestN285_NothingIssuedOutlivesARestoredBackup(t *testing.T) {
	for _, k := range []keeper{sqliteKeeper(t), postgresKeeper(t)} {
		t.Run(k.name, func(t *testing.T) { restoreBackup(t, k) })
	}
}

func restoreBackup(t *testing.T, k keeper) {
	s := &server{data: k.data, flags: append([]string{"--demo"}, k.flags...)}
	t.Cleanup(func() { s.kill(t) })
	s.boot(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newApp(t, s, "openid", "workspace:member", "offline_access")
	p := newPerson(t, s)
	fresh := func() *oauth2.Token {
		try := a.begin(forceConsent())
		return a.tokens(t, s, try, p.authorize(try.link))
	}
	kept, revoked := fresh(), fresh()
	stopped(t, s, func() { k.backup(t) })

	later := fresh()
	post(t, s, "/oauth/revoke", url.Values{"token": {revoked.RefreshToken}})
	checkDead(t, s, a, revoked, "the refresh token is revoked")
	try := a.begin(forceConsent())
	form := url.Values{"grant_type": {"authorization_code"}, "code_verifier": {try.verifier}, "code": {p.authorize(try.link).Get("code")}}
	if status, body := post(t, s, "/oauth/token", form); status != http.StatusOK {
		t.Fatalf("the code is good for nothing: %d %s", status, body)
	}
	stopped(t, s, func() { k.restore(t) })
	// This is what the epoch is for.
	if !introspect(t, s, revoked.AccessToken).Active {
		t.Error("the state did not go back: the revoked token is still dead")
	}

	stopped(t, s, func() { raiseEpoch(t, k) })
	for name, token := range map[string]*oauth2.Token{"kept": kept, "revoked": revoked, "issued after the backup": later} {
		checkDead(t, s, a, token, "the epoch is raised: "+name)
	}
	if status, body := post(t, s, "/oauth/token", form); status != http.StatusBadRequest || !strings.Contains(string(body), "invalid_grant") {
		t.Errorf("a code from before is answered %d %s", status, body)
	}
	again := fresh()
	if !introspect(t, s, again.AccessToken).Active {
		t.Error("a new access token is not active")
	}
	if _, err := a.TokenSource(t.Context(), refreshOnly(again)).Token(); err != nil {
		t.Errorf("a new refresh token: %v", err)
	}
	if out := s.chancery(t, "audit", "list", "--type", "restore_epoch.raised", "--json"); strings.Count(string(out), `"restore_epoch.raised"`) != 1 {
		t.Errorf("audit = %s", out)
	}
}

// stopped does something while the server does not run.
func stopped(t *testing.T, s *server, do func()) {
	t.Helper()
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	do()
	s.restart(t)
}

// raiseEpoch raises the epoch, but not before it is said that nobody is to be asked.
func raiseEpoch(t *testing.T, k keeper) {
	t.Helper()
	command := func(args ...string) ([]byte, error) {
		return (&server{data: k.data}).try("", slices.Concat([]string{"restore-epoch"}, args, k.flags)...)
	}
	if _, err := command("raise"); exitCode(err) != 1 || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("raise without --yes and without a terminal: %v", err)
	}
	out, err := command("raise", "--yes", "--json")
	if err != nil {
		t.Fatal(err)
	}
	raised := decode[struct{ Before, Epoch int64 }](t, out)
	if raised.Before != 0 || raised.Epoch == 0 {
		t.Errorf("raise says %s", out)
	}
	if out, err = command("show", "--json"); err != nil || decode[struct{ Epoch int64 }](t, out).Epoch != raised.Epoch {
		t.Errorf("show says %s, %v after %d", out, err, raised.Epoch)
	}
}
