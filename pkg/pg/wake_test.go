package pg_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// waking returns a pool of one connection, and how often it has woken.
func waking(t *testing.T, url string) (*pgxpool.Pool, *atomic.Int64) {
	t.Helper()
	var woken atomic.Int64
	db, err := pg.Open(t.Context(), url, pg.Options{MaxConns: 1, Wake: func() { woken.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db, &woken
}

func TestWakeComesAfterTheCommitThatAskedForIt(t *testing.T) {
	db, woken := waking(t, pgtest.URL(t, schema))
	refused := errors.New("refused")
	for _, tt := range []struct {
		name string
		run  func() error
		want int64
		err  error
	}{
		{"a transaction that asks", func() error {
			return pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
				pg.WakeAfterCommit(tx.Conn())
				pg.WakeAfterCommit(tx.Conn())
				if woken.Load() != 0 {
					t.Error("woken before the commit")
				}
				return increment(t.Context(), tx)
			})
		}, 1, nil},
		{"a transaction that does not ask", func() error {
			return pg.InTx(t.Context(), db, func(tx pgx.Tx) error { return increment(t.Context(), tx) })
		}, 0, nil},
		{"a transaction that rolls back", func() error {
			return pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
				pg.WakeAfterCommit(tx.Conn())
				return refused
			})
		}, 0, refused},
		{"the one after it, on the same connection", func() error {
			return pg.InTx(t.Context(), db, func(pgx.Tx) error { return nil })
		}, 0, nil},
		{"a statement that asks", func() error {
			return pg.InStatement(t.Context(), db, func(conn *pgx.Conn) error {
				pg.WakeAfterCommit(conn)
				return nil
			})
		}, 1, nil},
		{"a statement that fails", func() error {
			return pg.InStatement(t.Context(), db, func(conn *pgx.Conn) error {
				pg.WakeAfterCommit(conn)
				return refused
			})
		}, 0, refused},
		{"the one after it, on the same connection", func() error {
			return pg.InStatement(t.Context(), db, func(*pgx.Conn) error { return nil })
		}, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			woken.Store(0)
			if err := tt.run(); !errors.Is(err, tt.err) {
				t.Errorf("error = %v, want %v", err, tt.err)
			}
			if got := woken.Load(); got != tt.want {
				t.Errorf("woken %d times, want %d", got, tt.want)
			}
		})
	}
}

func TestRefusedCommitDoesNotWake(t *testing.T) {
	db, woken := waking(t, pgtest.URL(t, schema))
	err := pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
		pg.WakeAfterCommit(tx.Conn())
		_, err := tx.Exec(t.Context(), `INSERT INTO thing.late VALUES (1), (1)`)
		return err
	})
	if err == nil || woken.Load() != 0 {
		t.Errorf("InTx() = %v, woken %d times, want an error and never", err, woken.Load())
	}
}

// The change may have happened, and who waits for it finds out by looking.
func TestCommitOfUnknownOutcomeWakes(t *testing.T) {
	s := pgtest.Server(t, schema)
	db, woken := waking(t, s.URL())
	lost := s.LoseStandby(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		pid, err := lost.Waiting(ctx)
		ended <- errors.Join(err, lost.Cancel(ctx, pid))
	}()
	err := pg.InTx(ctx, db, func(tx pgx.Tx) error {
		pg.WakeAfterCommit(tx.Conn())
		return increment(ctx, tx)
	})
	if !errors.Is(err, pg.ErrUnknownOutcome) || woken.Load() != 1 {
		t.Errorf("InTx() = %v, woken %d times, want %v and once", err, woken.Load(), pg.ErrUnknownOutcome)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWakeIsOptional(t *testing.T) {
	db := pgtest.New(t, schema)
	err := pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
		pg.WakeAfterCommit(tx.Conn())
		return nil
	})
	if err != nil {
		t.Errorf("InTx() = %v", err)
	}
}
