// Package coherenttest says what a source of restrictions must do.
package coherenttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
)

// Log is one database under test.
type Log struct {
	Source coherent.Source
	// InTx runs f in a transaction; what f appends has committed when InTx
	// returns nil, and was rolled back when it returns the error of f.
	InTx func(ctx context.Context, f func(appendTo Append) error) error
	// Concurrent says whether two transactions may be open at once.
	Concurrent bool
	// Sweep is one pass of the sweeper.
	Sweep func(ctx context.Context) (deleted int64, err error)
	// RaiseRestoreEpoch is what the runbook of a restore does.
	RaiseRestoreEpoch func(ctx context.Context) (int64, error)
}

// Append appends to the log in the transaction at hand.
type Append func(keep time.Duration, rs ...coherent.Restriction) error

// keep is that of a usual row.
const keep = 70 * time.Minute

// errRollback is how a test rolls a transaction back.
var errRollback = errors.New("rolled back on purpose")

// RunSource checks a source. newLog returns an empty log, and cleans up with
// t.Cleanup.
func RunSource(t *testing.T, newLog func(t *testing.T) Log) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Log)
	}{
		{"load returns every row as it was written", loadReturnsRows},
		{"a client secret is kept for minutes, and no other kind is", secretsAreKeptShorter},
		{"poll returns what is new, once", pollReturnsNewRows},
		{"an empty batch has clock, cursor and identity", emptyBatchIsWhole},
		{"what is rolled back is never returned", rollbackIsInvisible},
		{"an open transaction is returned once it commits", lateCommitIsReturned},
		{"no row of concurrent writers is missed, late or doubled", nothingIsMissed},
		{"sweep deletes what is over and nothing else", sweepDeletesWhatIsOver},
		{"a raised restore epoch is a new identity", restoreChangesIdentity},
		{"reconcile writes what is missing, once", reconcileWritesWhatIsMissing},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newLog(t)) })
	}
}

func write(t *testing.T, l Log, keep time.Duration, rs ...coherent.Restriction) {
	t.Helper()
	err := l.InTx(t.Context(), func(a Append) error { return a(keep, rs...) })
	if err != nil {
		t.Fatal(err)
	}
}

// Load reads the whole log: every page, and the difference from the beginning.
func Load(ctx context.Context, source coherent.Source) (coherent.Batch, error) {
	const size = 1000
	b, last, err := source.Begin(ctx)
	if err != nil {
		return coherent.Batch{}, err
	}
	var entries []coherent.Entry
	for at := int64(0); at < last; {
		page, err := source.Page(ctx, at, last, size)
		if err != nil {
			return coherent.Batch{}, err
		}
		if len(page.Entries) == 0 {
			break
		}
		entries, at = append(entries, page.Entries...), page.Next
	}
	b, err = source.Poll(ctx, b.Cursor)
	b.Entries = append(entries, b.Entries...)
	return b, err
}

func load(t *testing.T, l Log) coherent.Batch {
	t.Helper()
	b, err := Load(t.Context(), l.Source)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func poll(t *testing.T, l Log, after coherent.Cursor) coherent.Batch {
	t.Helper()
	b, err := l.Source.Poll(t.Context(), after)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func check(t *testing.T, b coherent.Batch, want ...coherent.Restriction) {
	t.Helper()
	var got []coherent.Restriction
	for _, e := range b.Entries {
		got = append(got, e.Restriction)
	}
	byVersion := func(rs []coherent.Restriction) map[int64]coherent.Restriction {
		m := map[int64]coherent.Restriction{}
		for _, r := range rs {
			m[r.Version] = r
		}
		return m
	}
	if diff := cmp.Diff(byVersion(want), byVersion(got), cmpopts.EquateEmpty()); diff != "" || len(got) != len(want) {
		t.Errorf("batch of %d rows, want %d (-want +got):\n%s", len(got), len(want), diff)
	}
}

// grant is a restriction that is told from others by its version.
func grant(version int64) coherent.Restriction {
	return coherent.Grant(uuid.UUID{1}, version)
}

func loadReturnsRows(t *testing.T, l Log) {
	want := []coherent.Restriction{
		grant(1),
		coherent.Client("client", coherent.Deleted),
		coherent.ClientScope("client", 3, "a b"),
		coherent.Membership("sub", uuid.UUID{2}, 4, 0),
		{Kind: 5, Key: []byte{0, 0xff}, Version: -1},
	}
	write(t, l, keep, want...)
	b := load(t, l)
	check(t, b, want...)
	for _, e := range b.Entries {
		if kept := e.KeepUntil.Sub(b.DatabaseTime); kept > keep || kept < keep-time.Minute {
			t.Errorf("row is kept for %s, want %s", kept, keep)
		}
	}
}

func secretsAreKeptShorter(t *testing.T, l Log) {
	id := uuid.UUID{1}
	for _, tt := range []struct{ given, secret time.Duration }{{keep, 10 * time.Minute}, {5 * time.Minute, 5 * time.Minute}} {
		before := load(t, l)
		write(t, l, tt.given,
			coherent.Secret(id),
			coherent.Token(id), coherent.Grant(id, 1), coherent.Family(id, 1), coherent.Session(id),
			coherent.Subject("sub", 1), coherent.Client("client", 1), coherent.ClientScope("client", 1, "a"),
			coherent.Membership("sub", id, 1, 0), coherent.Project(id, 1), coherent.SealingKey(1), coherent.Restore(1))
		after := poll(t, l, before.Cursor)
		if len(after.Entries) != 12 {
			t.Fatalf("batch of %d rows, want 12", len(after.Entries))
		}
		for _, e := range after.Entries {
			want := tt.given
			if e.Kind == coherent.KindSecret {
				want = tt.secret
			}
			if e.KeepUntil.Before(before.DatabaseTime.Add(want)) || e.KeepUntil.After(after.DatabaseTime.Add(want)) {
				t.Errorf("kind %d is kept for %s, want %s", e.Kind, e.KeepUntil.Sub(after.DatabaseTime), want)
			}
		}
	}
}

func pollReturnsNewRows(t *testing.T, l Log) {
	write(t, l, keep, grant(1))
	b := load(t, l)
	write(t, l, keep, grant(2), grant(3))
	b = poll(t, l, b.Cursor)
	check(t, b, grant(2), grant(3))
	b = poll(t, l, b.Cursor)
	check(t, b)
	write(t, l, keep, grant(4))
	check(t, poll(t, l, b.Cursor), grant(4))
}

func emptyBatchIsWhole(t *testing.T, l Log) {
	b := load(t, l)
	check(t, b)
	for range 2 {
		next := poll(t, l, b.Cursor)
		if next.Identity == "" || next.Identity != b.Identity {
			t.Errorf("identity %q after %q", next.Identity, b.Identity)
		}
		if next.Cursor == "" || next.DatabaseTime.Before(b.DatabaseTime) || next.DatabaseTime.IsZero() {
			t.Errorf("batch %+v after %+v", next, b)
		}
		b = next
	}
}

func rollbackIsInvisible(t *testing.T, l Log) {
	b := load(t, l)
	err := l.InTx(t.Context(), func(a Append) error {
		return errors.Join(a(keep, grant(1)), errRollback)
	})
	if !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
	write(t, l, keep, grant(2))
	check(t, poll(t, l, b.Cursor), grant(2))
	check(t, load(t, l), grant(2))
}

// lateCommitIsReturned is where "greater than the last" goes wrong: the row
// was numbered before another that a poll has returned in the meantime.
func lateCommitIsReturned(t *testing.T, l Log) {
	cursor := load(t, l).Cursor
	err := l.InTx(t.Context(), func(a Append) error {
		if err := a(keep, grant(1)); err != nil {
			return err
		}
		want := []coherent.Restriction{}
		if l.Concurrent {
			write(t, l, keep, grant(2))
			want = append(want, grant(2))
		}
		b := poll(t, l, cursor)
		check(t, b, want...)
		cursor = b.Cursor
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, poll(t, l, cursor), grant(1))
}

func sweepDeletesWhatIsOver(t *testing.T, l Log) {
	write(t, l, -2*time.Hour, grant(1))
	write(t, l, -time.Minute, grant(2)) // over, but within the margin
	write(t, l, time.Minute, grant(3))
	b := load(t, l)
	deleted, err := l.Sweep(t.Context())
	if err != nil || deleted != 1 {
		t.Errorf("Sweep() = %d, %v, want 1 row", deleted, err)
	}
	check(t, load(t, l), grant(2), grant(3))
	check(t, poll(t, l, b.Cursor))
	write(t, l, keep, grant(4))
	check(t, poll(t, l, b.Cursor), grant(4))
}

func restoreChangesIdentity(t *testing.T, l Log) {
	before := load(t, l)
	epoch, err := l.RaiseRestoreEpoch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after := poll(t, l, before.Cursor)
	if after.Identity == before.Identity {
		t.Error("identity is the same after a restore")
	}
	if after.RestoreEpoch != epoch || epoch <= before.RestoreEpoch {
		t.Errorf("restore epoch %d, batch says %d, before it was %d", epoch, after.RestoreEpoch, before.RestoreEpoch)
	}
	// Twice within a second still differs.
	if again, err := l.RaiseRestoreEpoch(t.Context()); err != nil || again <= epoch {
		t.Errorf("RaiseRestoreEpoch() = %d, %v after %d", again, err, epoch)
	}
}

func reconcileWritesWhatIsMissing(t *testing.T, l Log) {
	there := []coherent.Restriction{grant(1), coherent.ClientScope("client", 2, "")}
	write(t, l, keep, there...)
	b := load(t, l)
	lost := []coherent.Restriction{
		grant(3), coherent.ClientScope("client", 4, ""), coherent.Membership("sub", uuid.UUID{2}, 5, 0),
		coherent.Client("client", coherent.Deleted), coherent.SealingKey(9),
	}
	until := b.DatabaseTime.Add(time.Hour).Truncate(time.Microsecond)
	entries := b.Entries
	for _, r := range lost {
		entries = append(entries, coherent.Entry{Restriction: r, KeepUntil: until})
	}
	for _, want := range []int{len(lost), 0} {
		if n, err := l.Source.Reconcile(t.Context(), entries); err != nil || n != want {
			t.Fatalf("Reconcile() = %d, %v, want %d rows", n, err, want)
		}
	}
	written := poll(t, l, b.Cursor)
	check(t, written, lost...)
	for _, e := range written.Entries {
		if !e.KeepUntil.Equal(until) {
			t.Errorf("%v is kept until %s, want %s", e.Restriction, e.KeepUntil, until)
		}
	}
	check(t, load(t, l), append(there, lost...)...)
	if n, err := l.Source.Reconcile(t.Context(), nil); err != nil || n != 0 {
		t.Errorf("Reconcile() = %d, %v of nothing", n, err)
	}
}
