package coherent_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// behind is a copy of a server's files: what an asynchronous standby had when
// its primary was lost.
type behind struct{ data, copied string }

func dataOf(t *testing.T, server *pgtest.ServerHandle) (data string) {
	t.Helper()
	if err := server.Open(t).QueryRow(t.Context(), `SELECT current_setting('data_directory')`).Scan(&data); err != nil {
		t.Fatal(err)
	}
	return data
}

// fallBehind copies the server as it is now.
func fallBehind(t *testing.T, server *pgtest.ServerHandle) behind {
	t.Helper()
	b := behind{data: dataOf(t, server)}
	b.copied = filepath.Join(filepath.Dir(b.data), "behind")
	server.Stop(t)
	command(t, "cp", "-a", b.data, b.copied)
	server.Start(t)
	return b
}

// promote loses the server, and makes the copy the primary: the same system, on
// a new timeline, without what was committed since.
func (b behind) promote(t *testing.T, server *pgtest.ServerHandle) {
	t.Helper()
	server.Kill(t)
	command(t, "rm", "-r", b.data)
	command(t, "mv", b.copied, b.data)
	if err := os.WriteFile(filepath.Join(b.data, "standby.signal"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "chown", "--reference="+b.data, filepath.Join(b.data, "standby.signal"))
	server.Start(t)
	if _, err := server.Open(t).Exec(t.Context(), `SELECT pg_promote()`); err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// SECURITY case F2.
func TestT17_LostTailOfAFailoverIsWrittenBack(t *testing.T) {
	server := pgtest.Server(t, migrations.Set())
	replicas := make([]*node, 3)
	for i := range replicas {
		replicas[i] = &node{Replica: coherent.New(newSource(t, server.URL()), coherent.NewState(0), options())}
		run(t, replicas[i].Run)
	}
	end := func() uuid.UUID {
		grant := uuid.New()
		err := database.Postgres(open(t, server.URL())).InTx(t.Context(), func(tx *database.Tx) error {
			return coherentdb.Append(t.Context(), tx, keep, coherent.Grant(grant, 1))
		})
		if err != nil {
			t.Fatal(err)
		}
		return grant
	}
	kept := end()
	standby := fallBehind(t, server)
	lost := end()
	seenBy(t, lost, replicas...)
	standby.promote(t, server)

	var written int64
	for i, n := range replicas {
		eventually(t, "the new primary answers", func() bool {
			active, err := n.asks(t, living)
			return active && err == nil && n.Stats().IdentityChanges == 1
		})
		for _, grant := range []uuid.UUID{kept, lost} {
			if active, err := n.asks(t, grant); active || err != nil {
				t.Errorf("replica %d says active = %t, %v after the failover", i, active, err)
			}
		}
	}
	eventually(t, "what was lost is written back", func() bool {
		written = 0
		for _, n := range replicas {
			written += n.Stats().Reconciled
		}
		return written > 0
	})
	// A replica that starts now has only the database to learn from.
	b, err := coherenttest.Load(t.Context(), newSource(t, server.URL()))
	if err != nil {
		t.Fatal(err)
	}
	state := coherent.NewState(0)
	for _, e := range b.Entries {
		state.Join(e.KeepUntil, e.Restriction)
		if left := e.KeepUntil.Sub(b.DatabaseTime); left <= 0 || left > keep+time.Minute {
			t.Errorf("a row is kept for another %s", left)
		}
	}
	if state.GrantEpoch(kept) != 1 || state.GrantEpoch(lost) != 1 {
		t.Error("the log of the new primary lacks a restriction")
	}
	checkMarked(t, server, kept, 0)
	checkMarked(t, server, lost, int(written))
}

// checkMarked counts the rows of a grant that were written back.
func checkMarked(t *testing.T, server *pgtest.ServerHandle, grant uuid.UUID, want int) {
	t.Helper()
	var marked int
	err := server.Open(t).QueryRow(t.Context(),
		`SELECT count(*) FROM coherence.restriction_log WHERE key = $1 AND reconciled`, grant[:]).Scan(&marked)
	if err != nil || marked < want || want == 0 && marked != 0 || marked > 3 {
		t.Errorf("%d rows are marked as written back, %v, want %d", marked, err, want)
	}
}
