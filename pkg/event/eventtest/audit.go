package eventtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

const (
	breakPostgres = `DO $$ BEGIN
		CREATE FUNCTION event.broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''full''; END';
		CREATE TRIGGER broken BEFORE INSERT ON event.audit_log FOR EACH ROW EXECUTE FUNCTION event.broken();
	END $$`
	breakSQLite = `CREATE TRIGGER broken BEFORE INSERT ON event_audit_log BEGIN SELECT RAISE(ABORT, 'full'); END`
)

// Audit is the audit log beside a store under test.
type Audit struct {
	log event.AuditLog
	// Break makes every change fail that is to be recorded (SECURITY case N291).
	Break func(t testing.TB)
}

// Broken is the statement after which every insert into the audit log fails.
func Broken(db *database.DB) string { return db.Either(breakPostgres, breakSQLite) }

// On returns the audit log of db, which has the migrations of pkg/event.
func On(db *database.DB) Audit {
	return Audit{eventdb.NewLog(db), func(t testing.TB) {
		t.Helper()
		if _, err := db.Exec(t.Context(), Broken(db)); err != nil {
			t.Fatal(err)
		}
	}}
}

// Trail is what is recorded from some moment on.
type Trail struct {
	log  event.AuditLog
	seen []string
}

// Follow returns a trail that begins now.
func (a Audit) Follow(t testing.TB) *Trail {
	t.Helper()
	trail := &Trail{log: a.log}
	trail.next(t)
	return trail
}

// next returns what was recorded since the call before.
func (r *Trail) next(t testing.TB) (events []*eventv1.Event) {
	t.Helper()
	all, more, err := event.List(t.Context(), r.log, event.Filter{}, 1000, "")
	if err != nil || more != "" {
		t.Fatalf("List() = _, %q, %v", more, err)
	}
	for _, e := range all {
		if !slices.Contains(r.seen, e.GetId()) {
			r.seen = append(r.seen, e.GetId())
			events = append(events, e)
		}
	}
	return events
}

// Check fails the test unless exactly want was recorded since the call before,
// in any order.
func (r *Trail) Check(t testing.TB, want ...event.Event) {
	t.Helper()
	records, err := event.Records(t.Context(), want...)
	if err != nil {
		t.Fatal(err)
	}
	var wanted []*eventv1.Event
	for _, record := range records {
		e, err := record.Event()
		if err != nil {
			t.Fatal(err)
		}
		wanted = append(wanted, e)
	}
	diff := cmp.Diff(wanted, r.next(t), protocmp.Transform(), cmpopts.EquateEmpty(),
		protocmp.IgnoreFields(&eventv1.Event{}, "id", "event_time", "trace_id", "caller"),
		cmpopts.SortSlices(func(a, b *eventv1.Event) int { return strings.Compare(key(a), key(b)) }))
	if diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
}

// key sorts events by what they say.
func key(e *eventv1.Event) string {
	return strings.Join([]string{
		e.GetType(), e.GetClientId(), e.GetSub(), e.GetGrantId(), e.GetFamilyId(), e.GetSessionId(),
		e.GetWorkspaceId(), e.GetProjectId(), e.GetSecretId(), e.GetKeyId(), e.GetRole(), e.GetReason(),
	}, " ")
}
