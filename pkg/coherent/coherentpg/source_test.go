package coherentpg_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
)

func newSource(t *testing.T, url string) *coherentpg.Source {
	t.Helper()
	s := coherentpg.NewSource(url, pg.Options{})
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func open(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	db, err := pg.Open(t.Context(), url, pg.Options{MaxConns: 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func TestSource(t *testing.T) {
	coherenttest.RunSource(t, func(t *testing.T) coherenttest.Log {
		url := pgtest.URL(t, migrations.Set())
		db := open(t, url)
		return coherenttest.Log{
			Source:     newSource(t, url),
			Concurrent: true,
			InTx: func(ctx context.Context, f func(coherenttest.Append) error) error {
				return database.Postgres(db).InTx(ctx, func(tx *database.Tx) error {
					return f(func(keep time.Duration, rs ...coherent.Restriction) error {
						return coherentdb.Append(ctx, tx, keep, rs...)
					})
				})
			},
			Sweep: func(ctx context.Context) (int64, error) {
				return sweeptest.All(ctx, coherentdb.Sweeps(database.Postgres(db))...)
			},
			RaiseRestoreEpoch: func(ctx context.Context) (int64, error) {
				return coherentdb.RaiseRestoreEpoch(ctx, database.Postgres(db))
			},
		}
	})
}

func TestSourceConnectsAgainAfterARestart(t *testing.T) {
	server := pgtest.Server(t, migrations.Set())
	s := newSource(t, server.URL())
	before, err := coherenttest.Load(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	server.Stop(t)
	for range 2 {
		if _, err := s.Poll(t.Context(), before.Cursor); err == nil {
			t.Fatal("a stopped server vouches for its log")
		}
	}
	server.Start(t)
	after, err := s.Poll(t.Context(), before.Cursor)
	if err != nil {
		t.Fatal(err)
	}
	if after.Identity != before.Identity {
		t.Errorf("identity %q after a restart, want %q", after.Identity, before.Identity)
	}
}

// SECURITY case F3: without the standby that it must wait for, a server may
// have been replaced. It can still read, and must not vouch for what it reads.
func TestPollThatNoStandbyConfirmsFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(ctx context.Context, lost *pgtest.Standby, pid int, cancel context.CancelFunc) error
	}{
		{"deadline", func(_ context.Context, _ *pgtest.Standby, _ int, cancel context.CancelFunc) error {
			cancel()
			return nil
		}},
		{"wait canceled: NOTICE 01000", func(ctx context.Context, lost *pgtest.Standby, pid int, _ context.CancelFunc) error {
			return lost.Cancel(ctx, pid)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := pgtest.Server(t, migrations.Set())
			s := newSource(t, server.URL())
			b, err := coherenttest.Load(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			lost := server.LoseStandby(t)

			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				pid, err := lost.Waiting(ctx)
				ended <- errors.Join(err, tt.end(ctx, lost, pid, cancel))
			}()
			if _, err := s.Poll(ctx, b.Cursor); err == nil {
				t.Error("a poll whose fence was not confirmed succeeds")
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// Without its row the UPDATE writes nothing, and the commit would prove nothing.
func TestPollWithoutFenceFailsOnce(t *testing.T) {
	url := pgtest.URL(t, migrations.Set())
	db, s := open(t, url), newSource(t, url)
	b, err := coherenttest.Load(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, db, `DELETE FROM coherence.poll_fence`)
	if _, err := s.Poll(t.Context(), b.Cursor); err == nil {
		t.Error("a poll without fence succeeds")
	}
	if _, err := s.Poll(t.Context(), b.Cursor); err != nil {
		t.Errorf("the poll after it: %v", err)
	}
}

func TestSweepForgetsReplicasThatAreGone(t *testing.T) {
	url := pgtest.URL(t, migrations.Set())
	db, alive, gone := open(t, url), newSource(t, url), newSource(t, url)
	for _, s := range []*coherentpg.Source{gone, alive} {
		if _, err := coherenttest.Load(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if s == gone {
			execute(t, db, `UPDATE coherence.poll_fence SET poll_time = poll_time - interval '25 hours'`)
		}
	}
	if _, err := sweeptest.All(t.Context(), coherentdb.Sweeps(database.Postgres(db))...); err != nil {
		t.Fatal(err)
	}
	var fences int
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM coherence.poll_fence`).Scan(&fences); err != nil {
		t.Fatal(err)
	}
	if fences != 1 {
		t.Errorf("%d fences, want that of the replica that polls", fences)
	}
}

// SECURITY case F4: that something has ended already is acknowledged only once a
// standby has it, because the transaction that ended it may not have waited.
func TestN309_WhatHasEndedIsConfirmedByAStandby(t *testing.T) {
	server := pgtest.Server(t, migrations.Set())
	db := open(t, server.URL())
	confirm := func(ctx context.Context) error {
		return database.Postgres(db).InTx(ctx, func(tx *database.Tx) error { return tx.Confirm(ctx) })
	}
	if err := confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost := server.LoseStandby(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		pid, err := lost.Waiting(ctx)
		ended <- errors.Join(err, lost.Cancel(ctx, pid))
	}()
	if err := confirm(ctx); !errors.Is(err, pg.ErrUnknownOutcome) {
		t.Errorf("error = %v, want an unknown outcome", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func execute(t *testing.T, db *pgxpool.Pool, statement string) {
	t.Helper()
	if _, err := db.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// What happens to a database every day is no reason to read the whole log again.
func TestN326_TheIdentityChangesWithTheGuardsAlone(t *testing.T) {
	url := pgtest.URL(t, migrations.Set())
	db, s := open(t, url), newSource(t, url)
	before, err := coherenttest.Load(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	const harmless = 4
	for i, statement := range []string{
		`VACUUM (FREEZE, ANALYZE) pg_trigger, pg_proc, coherence.restriction_log`,
		`REVOKE ALL ON coherence.restriction_log FROM PUBLIC`,
		`REINDEX TABLE coherence.restriction_log`,
		`SELECT coherence.sweep(now(), now(), 1)`,
		`CREATE OR REPLACE FUNCTION coherence.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'`,
		`ALTER TABLE coherence.restriction_log DISABLE TRIGGER ALL`,
		`ALTER TABLE coherence.restriction_log ENABLE TRIGGER ALL`,
		`DROP TRIGGER restriction_log_no_update ON coherence.restriction_log`,
	} {
		execute(t, db, statement)
		after, err := s.Poll(t.Context(), before.Cursor)
		if err != nil {
			t.Fatal(err)
		}
		if same := after.Identity == before.Identity; same != (i < harmless) {
			t.Errorf("%s: identity %q after %q", statement, after.Identity, before.Identity)
		}
		before = after
	}
}
