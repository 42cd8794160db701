// Package eventtest says what the stores of events must do, and gives tests what
// they need to publish and to judge them.
package eventtest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

// Append appends in the transaction at hand.
type Append func(events ...event.Event) error

// Database is one database under test, with the migrations of pkg/event.
type Database struct {
	Log    event.AuditLog
	Outbox event.Outbox
	// InTx runs f in a transaction, which commits when f returns nil. execute runs
	// a statement in it.
	InTx func(ctx context.Context, f func(appendTo Append, execute Execute) error) error
	// Execute runs a statement in a transaction of its own.
	Execute Execute
	// Sweep is one pass of the sweeper.
	Sweep func(ctx context.Context, keep time.Duration) (deleted int64, err error)
	// Audit is the name of the table.
	Audit string
	// Aged inserts a row into the audit log: its parameters are the id, as text,
	// and the age in seconds.
	Aged string
	// Delayed is a statement that makes what is in the outbox an hour older.
	Delayed string
	// Broken is a statement after which every insert into the audit log fails.
	Broken string
}

// Execute runs a statement.
type Execute func(ctx context.Context, statement string, args ...any) error

// errRollback is how a test rolls a transaction back.
var errRollback = errors.New("rolled back on purpose")

// Run checks a database. open returns an empty one, and cleans up with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Database) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Database)
	}{
		{"what is appended is in the audit log and in the outbox", appendedIsInBoth},
		{"what is rolled back is in neither", rolledBackIsInNeither},
		{"no events are no work", noEvents},
		{"an event that could not be published is refused", invalidIsRefused},
		{"N291: a change whose record fails does not happen", failedRecordFailsTheChange},
		{"a record can be neither changed nor deleted", recordStays},
		{"a sweep deletes what is older, and nothing else", sweepGoesByAge},
		{"the list is newest first, in pages that miss nothing", listHasPages},
		{"each filter narrows the list", filtersNarrow},
		{"the outbox hands out the oldest first and forgets them", relayInOrder},
		{"what is not published stays", failedRelayKeeps},
		{"the lag is that of the oldest", lag},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// Whole returns an event with every field.
func Whole() event.Event {
	return event.Event{
		Type: event.MemberRoleChanged, ClientID: uuid.NewString(), Sub: uuid.NewString(),
		GrantID: uuid.New(), FamilyID: uuid.New(), SessionID: uuid.New(),
		WorkspaceID: uuid.New(), ProjectID: uuid.New(), SecretID: uuid.New(),
		KeyID: "0a1b2c3d", Scope: oauth.Scope{"api:read", "openid"}, Role: role.Member, Reason: "reuse", Count: 7,
	}
}

// Write appends events in a transaction of their own.
func Write(t testing.TB, d Database, events ...event.Event) {
	t.Helper()
	err := d.InTx(t.Context(), func(a Append, _ Execute) error { return a(events...) })
	if err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, d Database, f event.Filter) []*eventv1.Event {
	t.Helper()
	events, next, err := event.List(t.Context(), d.Log, f, 1000, "")
	if err != nil || next != "" {
		t.Fatalf("List() = _, %q, %v", next, err)
	}
	return events
}

// waiting reads the outbox without emptying it.
func waiting(t *testing.T, d Database) (records []event.Record) {
	t.Helper()
	_, err := d.Outbox.Relay(t.Context(), 100, func(_ context.Context, r []event.Record) error {
		records = r
		return errRollback
	})
	if err != nil && !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
	return records
}

// traced returns the context of a call that is traced.
func traced(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0xab, 1}, SpanID: trace.SpanID{0xcd, 1}, TraceFlags: trace.FlagsSampled,
	}))
}

func appendedIsInBoth(t *testing.T, d Database) {
	e := Whole()
	err := d.InTx(traced(t.Context()), func(a Append, _ Execute) error { return a(e, event.Event{Type: event.KeyCreated}) })
	if err != nil {
		t.Fatal(err)
	}
	want := []*eventv1.Event{
		{Type: "key.created", TraceId: "ab010000000000000000000000000000"},
		{
			Type: "member.role_changed", TraceId: "ab010000000000000000000000000000",
			ClientId: e.ClientID, Sub: e.Sub, GrantId: e.GrantID.String(), FamilyId: e.FamilyID.String(),
			SessionId: e.SessionID.String(), WorkspaceId: e.WorkspaceID.String(), ProjectId: e.ProjectID.String(),
			SecretId: e.SecretID.String(), KeyId: "0a1b2c3d", Scope: "api:read openid", Role: "member", Reason: "reuse", Count: 7,
		},
	}
	audited := listed(t, d, event.Filter{})
	if diff := cmp.Diff(want, audited, protocmp.Transform(), protocmp.IgnoreFields(&eventv1.Event{}, "id", "event_time")); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
	for _, r := range waiting(t, d) {
		m, err := r.Event()
		if err != nil {
			t.Fatal(err)
		}
		audited = drop(audited, m)
		if r.TraceParent != "00-ab010000000000000000000000000000-cd01000000000000-01" || r.Type != event.Type(m.GetType()) {
			t.Errorf("traceparent %q, type %q of %v", r.TraceParent, r.Type, m)
		}
		if age := time.Since(r.EventTime); age < -time.Minute || age > time.Minute {
			t.Errorf("event is %v old", age)
		}
	}
	if len(audited) != 0 {
		t.Errorf("%v is in the audit log and not in the outbox", audited)
	}
}

// drop returns the list without the event that equals m.
func drop(list []*eventv1.Event, m *eventv1.Event) (rest []*eventv1.Event) {
	for _, each := range list {
		if !cmp.Equal(each, m, protocmp.Transform()) {
			rest = append(rest, each)
		}
	}
	return rest
}

func rolledBackIsInNeither(t *testing.T, d Database) {
	err := d.InTx(t.Context(), func(a Append, _ Execute) error { return errors.Join(a(Whole()), errRollback) })
	if !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
	isEmpty(t, d)
}

func isEmpty(t *testing.T, d Database) {
	t.Helper()
	if events := listed(t, d, event.Filter{}); len(events) != 0 {
		t.Errorf("the audit log has %v", events)
	}
	if records := waiting(t, d); len(records) != 0 {
		t.Errorf("the outbox has %v", records)
	}
}

func noEvents(t *testing.T, d Database) {
	Write(t, d)
	isEmpty(t, d)
}

func invalidIsRefused(t *testing.T, d Database) {
	for _, e := range []event.Event{
		{},
		{Type: "grant"},
		{Type: "grant.revoked "},
		{Type: event.GrantRevoked, Reason: "Because somebody said so"},
		{Type: event.GrantRevoked, Reason: "a..b"},
	} {
		err := d.InTx(t.Context(), func(a Append, _ Execute) error { return a(Whole(), e) })
		if !errors.Is(err, event.ErrInvalid) {
			t.Errorf("Append(%+v) = %v, want %v", e, err, event.ErrInvalid)
		}
	}
	isEmpty(t, d)
	Write(t, d, event.Event{Type: event.GrantRevoked, Reason: "because_somebody"})
}

// SECURITY case N291: no state change without its record.
func failedRecordFailsTheChange(t *testing.T, d Database) {
	ctx, change := t.Context(), strings.TrimSuffix(d.Audit, "audit_log")+"change"
	for _, statement := range []string{`CREATE TABLE ` + change + ` (n INTEGER)`, d.Broken} {
		if err := d.Execute(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	err := d.InTx(ctx, func(a Append, execute Execute) error {
		if err := execute(ctx, `INSERT INTO `+change+` (n) VALUES (1)`); err != nil {
			t.Fatal(err)
		}
		return a(Whole())
	})
	if err == nil {
		t.Error("a change without its record succeeds")
	}
	// The change can be made again, so it is not there: n is unique from here on.
	if err := d.Execute(ctx, `CREATE UNIQUE INDEX change_n ON `+change+` (n)`); err != nil {
		t.Fatal(err)
	}
	if err := d.Execute(ctx, `INSERT INTO `+change+` (n) VALUES (1)`); err != nil {
		t.Errorf("the change has happened: %v", err)
	}
	isEmpty(t, d)
}

func recordStays(t *testing.T, d Database) {
	Write(t, d, Whole())
	before := listed(t, d, event.Filter{})
	for _, statement := range []string{
		`UPDATE ` + d.Audit + ` SET sub = 'somebody else'`,
		`DELETE FROM ` + d.Audit,
	} {
		if err := d.Execute(t.Context(), statement); err == nil {
			t.Errorf("%s succeeds", statement)
		}
	}
	if diff := cmp.Diff(before, listed(t, d, event.Filter{}), protocmp.Transform()); diff != "" {
		t.Errorf("audit log (-before +after):\n%s", diff)
	}
}

func sweepGoesByAge(t *testing.T, d Database) {
	older, younger := uuid.NewString(), uuid.NewString()
	for id, seconds := range map[string]int{older: 3700, younger: 3500} {
		if err := d.Execute(t.Context(), d.Aged, id, seconds); err != nil {
			t.Fatal(err)
		}
	}
	if deleted, err := d.Sweep(t.Context(), time.Hour); err != nil || deleted != 1 {
		t.Errorf("Sweep() = %d, %v, want 1", deleted, err)
	}
	events := listed(t, d, event.Filter{})
	if len(events) != 1 || events[0].GetId() != younger {
		t.Errorf("%v is left, want the younger", events)
	}
	// The leave to delete ends with the sweep.
	if err := d.Execute(t.Context(), `DELETE FROM `+d.Audit); err == nil {
		t.Error("a record can be deleted after a sweep")
	}
}
