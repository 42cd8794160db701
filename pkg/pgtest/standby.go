package pgtest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// commitWait is how long a COMMIT takes that is believed to wait for ever.
const commitWait = 200 * time.Millisecond

// LoseStandby makes every COMMIT from now on wait for a standby that is not
// there. It returns a connection on which commits are seen waiting.
func (s *ServerHandle) LoseStandby(t testing.TB) *Standby {
	t.Helper()
	admin := s.connect(t)
	for _, statement := range []string{
		`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`,
		`SELECT pg_reload_conf()`,
	} {
		_, err := admin.Exec(t.Context(), statement)
		check(t, err)
	}
	for !s.commitWaits(t) {
		check(t, t.Context().Err())
	}
	lost := &Standby{admin}
	check(t, lost.settle(t.Context()))
	return lost
}

// commitWaits says whether the new setting has reached the server's processes.
func (s *ServerHandle) commitWaits(t testing.TB) bool {
	t.Helper()
	probe := s.connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), commitWait)
	defer cancel()
	_, err := probe.Exec(ctx, `SELECT pg_logical_emit_message(true, 'probe', '')`)
	return err != nil
}

func (s *ServerHandle) connect(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.url)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Standby is one that is required and not there.
type Standby struct{ admin *pgx.Conn }

// Waiting waits until a COMMIT waits, and returns the process id of its server.
func (s *Standby) Waiting(ctx context.Context) (pid int, err error) {
	err = s.until(ctx, func(pids []int) bool {
		pid = append(pids, 0)[0]
		return len(pids) > 0
	})
	return pid, err
}

// settle waits until the probe's COMMIT, which was given up, waits no longer:
// it must not be taken for that of the test.
func (s *Standby) settle(ctx context.Context) error {
	return s.until(ctx, func(pids []int) bool { return len(pids) == 0 })
}

// until looks at who waits for the standby until done is content.
func (s *Standby) until(ctx context.Context, done func(pids []int) bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		rows, err := s.admin.Query(ctx, `SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
		if err != nil {
			return err
		}
		pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil || done(pids) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Cancel ends the wait: the COMMIT is answered with NOTICE 01000.
func (s *Standby) Cancel(ctx context.Context, pid int) error {
	_, err := s.admin.Exec(ctx, `SELECT pg_cancel_backend($1)`, pid)
	return err
}

// Terminate ends the connection whose COMMIT waits.
func (s *Standby) Terminate(ctx context.Context, pid int) error {
	_, err := s.admin.Exec(ctx, `SELECT pg_terminate_backend($1)`, pid)
	return err
}
