package doctor_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/doctor"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// execute runs statements on the database of that URL.
func execute(t *testing.T, dbURL string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dbURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func TestDatabaseThatIsMissing(t *testing.T) {
	p := newPatient(t, "directory")
	p.database = "postgres://u:pa55word@127.0.0.1:1/db"
	found := p.look()
	want(t, found, "database TLS", doctor.OK, "")
	want(t, found, "database reachable", doctor.Fail, "does not answer")
	if _, said := found["database version"]; said || strings.Contains(found["database reachable"].Message, "pa55word") {
		t.Errorf("found %v", found)
	}
}

func TestDatabaseThatIsNotPrivateIsNotTried(t *testing.T) {
	p := newPatient(t, "directory")
	p.database = "postgres://db.acme.io/db?sslmode=require"
	found := p.look()
	want(t, found, "database TLS", doctor.Fail, "sslmode is not verify-full")
	want(t, found, "database reachable", doctor.Fail, "not tried")
}

func TestPendingMigrations(t *testing.T) {
	p := newPatient(t, "directory")
	p.database = pgtest.URL(t)
	found := p.look()
	want(t, found, "database migrations", doctor.Fail, "are pending")
	if _, said := found["database restriction log"]; said {
		t.Errorf("found %v", found["database restriction log"])
	}
	want(t, newPatient(t, "directory").withDatabase().look(), "database migrations", doctor.OK, "are applied")
}

func TestEachDatabaseIsLookedAtOnce(t *testing.T) {
	p := newPatient(t, "directory", "consent", "registry").withDatabase()
	p.write("other", []byte(pgtest.URL(t)))
	p.extra = "consent: {database: file:other}\n"
	found := p.look()
	want(t, found, "database of directory,registry migrations", doctor.OK, "")
	want(t, found, "database of consent migrations", doctor.Fail, "")
}

func TestClock(t *testing.T) {
	for by, status := range map[time.Duration]doctor.Status{
		0: doctor.OK, -900 * time.Millisecond: doctor.OK, 3 * time.Second: doctor.Warn, -3 * time.Second: doctor.Warn,
		-59 * time.Second: doctor.Warn, 62 * time.Second: doctor.Fail,
	} {
		p := newPatient(t, "directory").withDatabase()
		p.now = later(by)
		want(t, p.look(), "database clock", status, "differ by")
	}
}

func TestN307_AClockByWhichNothingIsSwept(t *testing.T) {
	for _, by := range []time.Duration{302 * time.Second, -25 * time.Hour} {
		p := newPatient(t, "directory").withDatabase()
		p.now = later(by)
		want(t, p.look(), "database clock", doctor.Fail, "nothing that has expired is deleted")
	}
}

func TestStoredKeys(t *testing.T) {
	p := newPatient(t, "token").withDatabase()
	want(t, p.look(), "stored keys", doctor.OK, "no key is stored yet")
	mine, err := kek.Open("file:" + p.path("kek"))
	if err != nil {
		t.Fatal(err)
	}
	insert := func(k *kek.Key, generation int) {
		t.Helper()
		ciphertext, err := k.Encrypt([]byte("a key"), []byte("its place"))
		if err != nil {
			t.Fatal(err)
		}
		pool, err := pgx.Connect(t.Context(), p.database)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close(t.Context())
		if _, err := pool.Exec(t.Context(), `INSERT INTO token.key (purpose, generation, ciphertext) VALUES ('access', $1, $2)`, generation, ciphertext); err != nil {
			t.Fatal(err)
		}
	}
	insert(mine, 1)
	want(t, p.look(), "stored keys", doctor.OK, "1 keys are encrypted under it")
	t.Setenv("OTHER_KEK", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("other kek", 4)[:32])))
	other, err := kek.Open("env:OTHER_KEK")
	if err != nil {
		t.Fatal(err)
	}
	insert(other, 2)
	want(t, p.look(), "stored keys", doctor.Fail, "under another key-encryption key")
	p.write("kek", []byte("x"))
	want(t, p.look(), "key-encryption key", doctor.Fail, "random bytes")
}

// A setting of the role or of the database wins over that of the server.
func TestN283_SettingsOfRoleAndDatabase(t *testing.T) {
	s := pgtest.Server(t, sets()...)
	p := newPatient(t, "directory")
	role, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(role.Path, "/")
	execute(t, s.URL(), `CREATE ROLE weak LOGIN`, `GRANT CREATE ON DATABASE "`+name+`" TO weak`)
	query := role.Query()
	query.Set("user", "weak")
	role.RawQuery = query.Encode()
	p.database = role.String()
	want(t, p.look(), "database synchronous_commit", doctor.OK, "is on")

	execute(t, s.URL(), `ALTER ROLE weak SET synchronous_commit = local`)
	want(t, p.look(), "database synchronous_commit", doctor.Fail, "is local, set for the user")
	execute(t, s.URL(), `ALTER ROLE weak SET synchronous_commit = remote_apply`)
	want(t, p.look(), "database synchronous_commit", doctor.OK, "is remote_apply")
	execute(t, s.URL(), `ALTER ROLE weak RESET synchronous_commit`, `ALTER DATABASE "`+name+`" SET synchronous_commit = off`)
	found := p.look()
	want(t, found, "database synchronous_commit", doctor.Fail, "is off, set for the database")
	want(t, found, "database durable writes", doctor.Fail, "fsync is off")

	want(t, found, "database rights", doctor.OK, "weak is not a superuser")
	execute(t, s.URL(), `GRANT CREATE ON SCHEMA public TO PUBLIC`)
	want(t, p.look(), "database rights", doctor.Warn, "can create functions")
	p.database = s.URL()
	want(t, p.look(), "database rights", doctor.Warn, "is a superuser")
}

// Decision D7: a standby that may lack what was acknowledged.
func TestN283_StandbyThatIsNotSynchronous(t *testing.T) {
	s := pgtest.Server(t, sets()...)
	p := newPatient(t, "directory")
	p.database = s.URL()
	want(t, p.look(), "database standby", doctor.OK, "there is no standby")

	cfg, err := pgconn.ParseConfig(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	cfg.RuntimeParams["replication"] = "true"
	follower, err := pgconn.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	want(t, p.look(), "database standby", doctor.Fail, "1 standbys follow, and none is synchronous")
	if err := follower.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.LoseStandby(t)
	want(t, p.look(), "database standby", doctor.Fail, "none of these follows")
}
