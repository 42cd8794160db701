package postgres_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

func discard(context.Context, []event.Record) error { return nil }

func TestN279_TableOfALaterMigrationIsItsServices(t *testing.T) {
	d := newDatabase(t)
	d.exec(t, "chancery_owner", `CREATE TABLE token.later (id bigint GENERATED ALWAYS AS IDENTITY, n bigint)`)
	const use = `INSERT INTO token.later (n) VALUES (1)`
	if err := attempt(t, d.connect(t, "chancery_token"), use); err != nil {
		t.Errorf("its own service: %v", err)
	}
	for _, service := range services() {
		if service == "token" {
			continue
		}
		if err := attempt(t, d.connect(t, "chancery_"+service), use); code(err) != insufficientPrivilege {
			t.Errorf("%s: error %v, want that permission is denied", service, err)
		}
	}
}

func TestOwnerTakesOverWhatAnotherRoleHasMigrated(t *testing.T) {
	d := serverDatabase{pgtest.Server(t).URL()}
	d.migrate(t, superuser)
	d.applyRoles(t, superuser)
	d.migrate(t, "chancery_owner")
	d.exec(t, "chancery_owner", `ALTER TABLE token.family ADD COLUMN later bigint`)
	d.exec(t, "chancery_owner", `ALTER FUNCTION event.refuse_change() RENAME TO refuse`)
	if got, want := held(t, d.connect(t, superuser), "token", "token.family"), ofOwn; got != want {
		t.Errorf("the service may %q, want %q", got, want)
	}
}

// Where the provider of the database keeps the superuser to itself.
func TestOwnerOfTheDatabaseNeedsNoSuperuser(t *testing.T) {
	d := serverDatabase{pgtest.Server(t).URL()}
	name := d.name(t)
	d.exec(t, superuser, `CREATE ROLE provider LOGIN CREATEROLE; ALTER DATABASE `+name+` OWNER TO provider; ALTER SCHEMA public OWNER TO pg_database_owner`)
	d.applyRoles(t, "provider")
	d.migrate(t, "chancery_owner")
	d.applyRoles(t, "provider")
	if got, want := held(t, d.connect(t, superuser), "token", "token.family"), ofOwn; got != want {
		t.Errorf("the service may %q, want %q", got, want)
	}
}

func TestRoleThatCanDoMoreIsRefused(t *testing.T) {
	script, err := os.ReadFile("roles.sql")
	if err != nil {
		t.Fatal(err)
	}
	d := serverDatabase{pgtest.Server(t).URL()}
	d.exec(t, superuser, `CREATE ROLE chancery_token LOGIN`)
	for _, attribute := range []string{"SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS"} {
		d.exec(t, superuser, `ALTER ROLE chancery_token `+attribute)
		conn := d.connect(t, superuser)
		_, err := conn.PgConn().Exec(t.Context(), string(script)).ReadAll()
		if err == nil || !strings.Contains(err.Error(), "chancery_token can do more") {
			t.Errorf("%s: error %v", attribute, err)
		}
		d.exec(t, superuser, `ALTER ROLE chancery_token NO`+attribute)
	}
	d.applyRoles(t, superuser)
}

func TestStrangerCannotConnect(t *testing.T) {
	d := newDatabase(t)
	d.exec(t, superuser, `CREATE ROLE stranger LOGIN`)
	if got := d.may(t, "stranger", "CONNECT"); got {
		t.Error("a role without grants may connect")
	}
	if got := d.may(t, "chancery_token", "CONNECT"); !got {
		t.Error("a service may not connect")
	}
}

// may asks the server for a privilege on the database.
func (d serverDatabase) may(t *testing.T, role, privilege string) (held bool) {
	t.Helper()
	err := d.connect(t, superuser).
		QueryRow(t.Context(), `SELECT has_database_privilege($1, current_database(), $2)`, role, privilege).Scan(&held)
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func (d serverDatabase) name(t *testing.T) (name string) {
	t.Helper()
	if err := d.connect(t, superuser).QueryRow(t.Context(), `SELECT current_database()`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}
