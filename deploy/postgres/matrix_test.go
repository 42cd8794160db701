package postgres_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const insufficientPrivilege = "42501"

// Rights on a table are written as the first letters of the privileges, each with
// the columns that it is for, where it is not for the whole table.
const (
	read     = "S"
	write    = "I"
	ofOwn    = "SIUD"
	versions = "goose_db_version"
)

// shared is what services may do to the tables that they have in common.
var shared = map[string]map[string]string{
	"coherence.restriction_log": {
		"authorize": write, "token": write, "consent": write, "directory": write, "registry": write,
		"introspection": "SI",
	},
	"coherence.poll_fence":    {"introspection": "SIU(n,poll_time)"},
	"coherence.restore_epoch": {"introspection": read, "token": read},
	"event.audit_log": {
		"authorize": write, "token": write, "consent": write, "directory": write, "registry": "SI",
	},
	"event.outbox": {
		"authorize": write, "token": write, "consent": write, "directory": write, "registry": "SIU(traceparent)D",
	},
}

// functions are those that somebody may call, with who may.
var functions = map[string][]string{
	"coherence.find_ended(bytea,bytea)":                                          services(),
	"coherence.sweep(timestamp with time zone,timestamp with time zone,integer)": {"registry"},
}

// want is what a service may do to a table.
func want(service, table string) string {
	schema, name, _ := strings.Cut(table, ".")
	switch {
	case schema == service && name == versions:
		return read
	case schema == service:
		return ofOwn
	case name == versions && (schema == "coherence" || schema == "event"):
		return read
	default:
		return shared[table][service]
	}
}

func TestN279_N326_EachServiceMayUseItsOwnTablesAndItsPartOfTheSharedOnes(t *testing.T) {
	d := newDatabase(t)
	conn := d.connect(t, superuser)
	tables := list(t, conn, `
		SELECT schemaname || '.' || tablename FROM pg_tables
		 WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
	for table := range shared {
		if !slices.Contains(tables, table) {
			t.Errorf("there is no table %s", table)
		}
	}
	for _, service := range services() {
		for _, table := range tables {
			if got, want := held(t, conn, service, table), want(service, table); got != want {
				t.Errorf("%s may %q on %s, want %q", service, got, table, want)
			}
		}
	}
}

// Nothing but a trigger can call a function that returns one.
func TestN326_EachServiceMayCallItsPartOfTheFunctions(t *testing.T) {
	conn := newDatabase(t).connect(t, superuser)
	const all = `
		SELECT oid::regprocedure::text FROM pg_proc
		 WHERE pronamespace <> ALL (ARRAY['pg_catalog', 'information_schema']::regnamespace[])
		   AND prorettype <> 'trigger'::regtype ORDER BY 1`
	if got, want := list(t, conn, all), slices.Sorted(maps.Keys(functions)); !slices.Equal(got, want) {
		t.Errorf("there are the functions %q, want %q", got, want)
	}
	for _, service := range services() {
		for function, callers := range functions {
			var got bool
			err := conn.QueryRow(t.Context(), `SELECT has_function_privilege($1, $2, 'EXECUTE')`, "chancery_"+service, function).Scan(&got)
			if want := slices.Contains(callers, service); got != want || err != nil {
				t.Errorf("%s may call %s: %t, %v, want %t", service, function, got, err, want)
			}
		}
	}
}

// What a role is, and what it may do beside the tables.
func TestN326_NoServiceMayMoreThanUseTables(t *testing.T) {
	conn := newDatabase(t).connect(t, superuser)
	for _, tt := range []struct{ what, found string }{
		{"attributes", `SELECT rolname FROM pg_roles WHERE rolname = $1 AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR rolinherit)`},
		{"memberships", `SELECT roleid::regrole::text FROM pg_auth_members WHERE member = $1::regrole`},
		{"members", `SELECT member::regrole::text FROM pg_auth_members WHERE roleid = $1::regrole`},
		{"rights to make schemas or temporary tables", `SELECT datname FROM pg_database WHERE datname = current_database() AND has_database_privilege($1, oid, 'CREATE, TEMPORARY')`},
		{"rights to make tables", `SELECT nspname FROM pg_namespace WHERE has_schema_privilege($1, oid, 'CREATE') AND nspname <> 'pg_toast'`},
		{"sequences that it may set", `SELECT oid::regclass::text FROM pg_class WHERE CASE relkind WHEN 'S' THEN has_sequence_privilege($1, oid, 'UPDATE') ELSE false END`},
		{"settings of the server", `SELECT parname FROM pg_parameter_acl WHERE has_parameter_privilege($1, parname, 'SET, ALTER SYSTEM')`},
		{"objects of its own", `SELECT classid::regclass::text FROM pg_shdepend WHERE refobjid = $1::regrole AND deptype = 'o'`},
	} {
		for _, service := range services() {
			if got := list(t, conn, tt.found, "chancery_"+service); len(got) > 0 {
				t.Errorf("%s has %s: %q", service, tt.what, got)
			}
		}
	}
}

// list is one column of text.
func list(t *testing.T, conn *pgx.Conn, statement string, args ...any) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return list
}

// held is what the server says that a service may do to a table.
func held(t *testing.T, conn *pgx.Conn, service, table string) (got string) {
	t.Helper()
	const statement = `
		SELECT coalesce(string_agg(left(p, 1) || CASE WHEN whole THEN '' ELSE '(' || columns || ')' END, '' ORDER BY n), '')
		  FROM (SELECT p, n, has_table_privilege($1, $2, p) AS whole,
		               (SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
		                 WHERE attrelid = $2::regclass AND attnum > 0 AND NOT attisdropped
		                   AND n < 4 AND has_column_privilege($1, attrelid, attnum, p)) AS columns
		          FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
		               WITH ORDINALITY AS u (p, n)) AS held
		 WHERE (whole OR columns IS NOT NULL) AND has_schema_privilege($1, split_part($2, '.', 1), 'USAGE')`
	if err := conn.QueryRow(t.Context(), statement, "chancery_"+service, table).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestN279_N326_NoServiceMayChangeWhatIsNotItsOwn(t *testing.T) {
	d := newDatabase(t)
	for _, service := range services() {
		t.Run(service, func(t *testing.T) {
			conn := d.connect(t, "chancery_"+service)
			for _, statement := range append(forAll(service), others(service)...) {
				if err := attempt(t, conn, statement); code(err) != insufficientPrivilege {
					t.Errorf("%s: error %v, want that permission is denied", statement, err)
				}
			}
		})
	}
}

// forAll are statements that no service may run.
func forAll(service string) []string {
	own := service
	if service == "introspection" {
		own = "coherence"
	}
	return []string{
		// The log of what has happened.
		`UPDATE event.audit_log SET type = 'x'`,
		`DELETE FROM event.audit_log`,
		`TRUNCATE event.audit_log`,
		`ALTER TABLE event.audit_log DISABLE TRIGGER ALL`,
		// The schema.
		`CREATE TABLE ` + own + `.mine (id bigint)`,
		`CREATE TABLE public.mine (id bigint)`,
		`CREATE TEMPORARY TABLE mine (id bigint)`,
		`CREATE SCHEMA mine`,
		`CREATE FUNCTION ` + own + `.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
		`ALTER TABLE ` + own + `.goose_db_version ADD COLUMN mine int`,
		`DROP TABLE ` + own + `.goose_db_version`,
		`TRUNCATE ` + own + `.goose_db_version`,
		`DELETE FROM ` + own + `.goose_db_version`,
		`CREATE INDEX ON ` + own + `.goose_db_version (version_id)`,
		// What brings back what was taken away.
		`UPDATE coherence.restore_epoch SET epoch = 0`,
		`UPDATE coherence.restriction_log SET keep_until = '-infinity'`,
		`DELETE FROM coherence.restriction_log`,
		`TRUNCATE coherence.restriction_log`,
		`ALTER TABLE coherence.restriction_log DISABLE TRIGGER ALL`,
		`SET session_replication_role = replica`,
		// What makes everybody else wait.
		`LOCK TABLE coherence.restriction_log IN SHARE MODE`,
		`LOCK TABLE coherence.poll_fence IN SHARE MODE`,
		`LOCK TABLE coherence.restore_epoch IN SHARE MODE`,
		`LOCK TABLE event.audit_log IN SHARE MODE`,
		`DELETE FROM coherence.poll_fence`,
		// Events that are to be published.
		`UPDATE event.outbox SET event = ''`,
		`TRUNCATE event.outbox`,
		// The server and other roles.
		`SET ROLE chancery_owner`,
		`SET ROLE postgres`,
		`CREATE ROLE mine`,
		`ALTER ROLE chancery_owner PASSWORD 'mine'`,
		`GRANT chancery_owner TO chancery_` + service,
		`SELECT pg_read_file('/etc/passwd')`,
		`COPY event.goose_db_version TO PROGRAM 'cat'`,
		`SELECT rolpassword FROM pg_authid`,
	}
}

// others are statements on tables of other services, one for each way to use
// one, where the service may not.
func others(service string) []string {
	statements := map[string][]string{
		"authorize": {`SELECT digest FROM authorize.session`, `UPDATE authorize.session SET sub = 'x'`, `DELETE FROM authorize.transaction`},
		"token":     {`SELECT ciphertext FROM token.key`, `DELETE FROM token.redemption`, `UPDATE token.family SET generation = 0`},
		"consent":   {`SELECT sub FROM consent.grant`, `UPDATE consent.grant SET revoke_time = NULL, revoke_reason = NULL`},
		"registry":  {`SELECT digest FROM registry.client_secret`, `UPDATE registry.client SET skip_consent = true`},
		"directory": {`SELECT password_hash FROM directory.credential`, `UPDATE directory.membership SET role = 3`},
	}
	var list []string
	for owner, each := range statements {
		if owner != service {
			list = append(list, each...)
		}
	}
	if service != "registry" {
		list = append(list, `SELECT event FROM event.audit_log`, `SELECT event FROM event.outbox`, `DELETE FROM event.outbox`,
			`LOCK TABLE event.outbox IN SHARE MODE`, `SELECT coherence.sweep(now(), now(), 1)`)
	}
	if service != "introspection" {
		list = append(list, `SELECT key FROM coherence.restriction_log`, `UPDATE coherence.poll_fence SET n = 0`,
			`SELECT n FROM coherence.poll_fence FOR UPDATE`)
	}
	return list
}

// attempt runs a statement in a transaction of its own that is rolled back.
func attempt(t *testing.T, conn *pgx.Conn, statement string) error {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = tx.Exec(t.Context(), statement)
	if rollback := tx.Rollback(t.Context()); rollback != nil {
		t.Fatal(rollback)
	}
	return err
}

func code(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}
