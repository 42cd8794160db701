// Package directorytest gives a test every store of the directory on one fresh
// database, and shows what they have logged.
package directorytest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/device"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/migrations"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// Hash is a password hash as far as a store looks at it.
const Hash = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

const keep = time.Hour

// Stores are all of one database.
type Stores struct {
	Subjects    *subject.Store
	Credentials *credential.Store
	Attempts    *attempt.Store
	Devices     *device.Store
	Workspaces  *workspace.Store
	Projects    *project.Store
	Memberships *membership.Store
	Audit       eventtest.Audit

	db *database.DB
}

// Open returns stores on a fresh database.
type Open func(t *testing.T) Stores

// Each runs f with each database.
func Each(t *testing.T, f func(t *testing.T, open Open)) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) { f(t, on(open)) })
}

// SQLite opens the one that is quicker.
func SQLite(t *testing.T) Stores {
	t.Helper()
	return on(databasetest.SQLite)(t)
}

func on(open databasetest.Open) Open {
	return func(t *testing.T) Stores {
		t.Helper()
		db := open(t, coherence.Set(), events.Set(), migrations.Set())
		return Stores{
			Subjects:    subject.NewStore(db, keep),
			Credentials: credential.NewStore(db, keep),
			Attempts:    attempt.NewStore(db),
			Devices:     device.NewStore(db),
			Workspaces:  workspace.NewStore(db, keep),
			Projects:    project.NewStore(db, keep),
			Memberships: membership.NewStore(db, keep),
			Audit:       eventtest.On(db),
			db:          db,
		}
	}
}

// Log returns every restriction there is, in the order of logging.
func (s Stores) Log(t *testing.T) []coherent.Restriction {
	t.Helper()
	log, err := database.Collect(t.Context(), s.db, func(row database.Row) (r coherent.Restriction, err error) {
		err = row.Scan(&r.Kind, &r.Key, &r.Version, &r.Value)
		return r, err
	}, `SELECT kind, key, version, value FROM coherence.restriction_log ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// DeviceRows returns how many devices are stored.
func (s Stores) DeviceRows(t *testing.T) int {
	t.Helper()
	return s.count(t, `SELECT count(*) FROM directory.device`)
}

// AttemptRows returns how many keys have counted attempts.
func (s Stores) AttemptRows(t *testing.T) int {
	t.Helper()
	return s.count(t, `SELECT count(*) FROM directory.attempt`)
}

func (s Stores) count(t *testing.T, text string) int {
	t.Helper()
	n, err := database.Scan[int](s.db.QueryRow(t.Context(), text))
	if err != nil {
		t.Fatal(err)
	}
	return n
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
