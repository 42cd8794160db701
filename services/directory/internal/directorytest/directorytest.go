// Package directorytest gives a test every store of the directory on one fresh
// database, and shows what they have logged.
package directorytest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt/attemptpg"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt/attemptsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/credential/credentialpg"
	"github.com/chancery-auth/chancery/services/directory/internal/credential/credentialsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/device"
	"github.com/chancery-auth/chancery/services/directory/internal/device/devicepg"
	"github.com/chancery-auth/chancery/services/directory/internal/device/devicesqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/membership/membershippg"
	"github.com/chancery-auth/chancery/services/directory/internal/membership/membershipsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/migrations"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/project/projectpg"
	"github.com/chancery-auth/chancery/services/directory/internal/project/projectsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/subject/subjectpg"
	"github.com/chancery-auth/chancery/services/directory/internal/subject/subjectsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace/workspacepg"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace/workspacesqlite"
)

// Hash is a password hash as far as a store looks at it.
const Hash = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

const keep = time.Hour

// Stores are all of one database.
type Stores struct {
	Subjects    subject.Store
	Credentials credential.Store
	Attempts    attempt.Store
	Devices     device.Store
	Workspaces  workspace.Store
	Projects    project.Store
	Memberships membership.Store
	Audit       eventtest.Audit

	db database
}

// rows is what the rows of both drivers share.
type rows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
}

// database asks either of them; the texts are of Postgres and of SQLite.
type database func(ctx context.Context, postgres, sqlite string) (rows, func(), error)

// Postgres returns stores on PostgreSQL.
func Postgres(t *testing.T) Stores {
	t.Helper()
	db := pgtest.New(t, coherence.Set(), events.Set(), migrations.Set())
	return Stores{
		Subjects:    subjectpg.New(db, keep),
		Credentials: credentialpg.New(db, keep),
		Attempts:    attemptpg.New(db),
		Devices:     devicepg.New(db),
		Workspaces:  workspacepg.New(db, keep),
		Projects:    projectpg.New(db, keep),
		Memberships: membershippg.New(db, keep),
		Audit:       eventtest.Postgres(db),
		db: func(ctx context.Context, postgres, _ string) (rows, func(), error) {
			found, err := db.Query(ctx, postgres)
			if err != nil {
				return nil, nil, err
			}
			return found, found.Close, nil
		},
	}
}

// SQLite returns stores on SQLite.
func SQLite(t *testing.T) Stores {
	t.Helper()
	db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
	return Stores{
		Subjects:    subjectsqlite.New(db, keep),
		Credentials: credentialsqlite.New(db, keep),
		Attempts:    attemptsqlite.New(db),
		Devices:     devicesqlite.New(db),
		Workspaces:  workspacesqlite.New(db, keep),
		Projects:    projectsqlite.New(db, keep),
		Memberships: membershipsqlite.New(db, keep),
		Audit:       eventtest.SQLite(db),
		db: func(ctx context.Context, _, sqlite string) (rows, func(), error) {
			found, err := db.Read().QueryContext(ctx, sqlite)
			if err != nil {
				return nil, nil, err
			}
			return found, func() { _ = found.Close() }, nil
		},
	}
}

// Log returns every restriction there is, in the order of logging.
func (s Stores) Log(t *testing.T) []coherent.Restriction {
	t.Helper()
	var log []coherent.Restriction
	s.query(t, `SELECT kind, key, version, value FROM coherence.restriction_log ORDER BY id`,
		`SELECT kind, key, version, value FROM coherence_restriction_log ORDER BY id`,
		func(row rows) error {
			var r coherent.Restriction
			err := row.Scan(&r.Kind, &r.Key, &r.Version, &r.Value)
			log = append(log, r)
			return err
		})
	return log
}

// DeviceRows returns how many devices are stored.
func (s Stores) DeviceRows(t *testing.T) int {
	t.Helper()
	var n int
	s.query(t, `SELECT count(*) FROM directory.device`, `SELECT count(*) FROM directory_device`,
		func(row rows) error { return row.Scan(&n) })
	return n
}

// AttemptRows returns how many keys have counted attempts.
func (s Stores) AttemptRows(t *testing.T) int {
	t.Helper()
	var n int
	s.query(t, `SELECT count(*) FROM directory.attempt`, `SELECT count(*) FROM directory_attempt`,
		func(row rows) error { return row.Scan(&n) })
	return n
}

func (s Stores) query(t *testing.T, postgres, sqlite string, scan func(rows) error) {
	t.Helper()
	found, done, err := s.db(t.Context(), postgres, sqlite)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	for found.Next() {
		if err := scan(found); err != nil {
			t.Fatal(err)
		}
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
}

// Subject creates a subject of that name.
func (s Stores) Subject(t *testing.T, username string) subject.Subject {
	t.Helper()
	created, err := s.Subjects.Create(t.Context(), subject.Subject{Sub: uuid.NewString(), Username: username}, Hash)
	if err != nil {
		t.Fatalf("create subject: %v", err)
	}
	return created
}

// Workspace creates a workspace of that name.
func (s Stores) Workspace(t *testing.T, name string) workspace.Workspace {
	t.Helper()
	id := uuid.New()
	created, err := s.Workspaces.Create(t.Context(), workspace.Workspace{ID: id, Name: name, Slug: "w-" + id.String()})
	if err != nil {
		t.Fatalf("create workspace: %v", err)
	}
	return created
}

// Project creates a project of that name.
func (s Stores) Project(t *testing.T, w workspace.Workspace, name string) project.Project {
	t.Helper()
	created, err := s.Projects.Create(t.Context(), project.Project{ID: uuid.New(), WorkspaceID: w.ID, Name: name})
	if err != nil {
		t.Fatalf("create project: %v", err)
	}
	return created
}

// Member makes a subject a member of a workspace.
func (s Stores) Member(t *testing.T, u subject.Subject, w workspace.Workspace, r role.Role) membership.Membership {
	t.Helper()
	added, err := s.Memberships.Add(t.Context(), membership.Membership{ID: uuid.New(), Sub: u.Sub, WorkspaceID: w.ID, Role: r})
	if err != nil {
		t.Fatalf("add member: %v", err)
	}
	return added
}

// WantOnce wants each of ids once in the items of all pages, and no item twice.
func WantOnce(t *testing.T, ids, seen []string) {
	t.Helper()
	times := make(map[string]int)
	for _, id := range seen {
		if times[id]++; times[id] == 2 {
			t.Errorf("pages have %s twice", id)
		}
	}
	for _, id := range ids {
		if times[id] == 0 {
			t.Errorf("pages leave out %s", id)
		}
	}
}
