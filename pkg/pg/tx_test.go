package pg_test

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

var schema = migrate.New("thing", fstest.MapFS{"postgres/0001_thing.sql": {Data: []byte(`-- +goose Up
CREATE TABLE thing.thing (id bigint PRIMARY KEY, n bigint NOT NULL);
INSERT INTO thing.thing VALUES (1, 0), (2, 0);
CREATE TABLE thing.late (id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED);`)}})

func increment(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `UPDATE thing.thing SET n = n + 1 WHERE id = 1`)
	return err
}

func value(t *testing.T, db *pgxpool.Pool) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), `SELECT n FROM thing.thing WHERE id = 1`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCommitMakesTheChangeVisible(t *testing.T) {
	db := pgtest.New(t, schema)
	err := pg.InTx(t.Context(), db, func(tx pgx.Tx) error { return increment(t.Context(), tx) })
	if err != nil {
		t.Fatal(err)
	}
	if got := value(t, db); got != 1 {
		t.Errorf("n = %d, want 1", got)
	}
}

func TestErrorOfTheFunctionRollsBack(t *testing.T) {
	db := pgtest.New(t, schema)
	refused := errors.New("refused")
	err := pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
		return errors.Join(increment(t.Context(), tx), refused)
	})
	if !errors.Is(err, refused) {
		t.Errorf("InTx() = %v, want %v", err, refused)
	}
	if got := value(t, db); got != 0 {
		t.Errorf("n = %d, want 0", got)
	}
}

// A transaction that lost against others runs again, with fresh reads.
func TestN284_LostRaceIsRetriedThreeTimes(t *testing.T) {
	for _, code := range []string{"40001", "40P01"} {
		for _, tt := range []struct {
			failures, attempts int
			want               error
		}{
			{failures: 3, attempts: 4},
			{failures: 4, attempts: 4, want: pg.ErrBusy},
		} {
			db := pgtest.New(t, schema)
			attempts := 0
			err := pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
				attempts++
				if err := increment(t.Context(), tx); err != nil || attempts > tt.failures {
					return err
				}
				_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE EXCEPTION SQLSTATE '`+code+`'; END $$`)
				return err
			})
			if !errors.Is(err, tt.want) {
				t.Errorf("%s: InTx() = %v, want %v", code, err, tt.want)
			}
			if attempts != tt.attempts {
				t.Errorf("%s: %d attempts, want %d", code, attempts, tt.attempts)
			}
			want := 0
			if tt.want == nil {
				want = 1
			}
			if got := value(t, db); got != want {
				t.Errorf("%s: n = %d, want %d", code, got, want)
			}
		}
	}
}

func TestOtherErrorIsNotRetried(t *testing.T) {
	db := pgtest.New(t, schema)
	attempts := 0
	err := pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
		attempts++
		_, err := tx.Exec(t.Context(), `INSERT INTO thing.thing VALUES (1, 0)`)
		return err
	})
	if !pg.Unique(err, "thing_pkey") || attempts != 1 {
		t.Errorf("InTx() = %v after %d attempts, want a unique violation after 1", err, attempts)
	}
	if pg.Unique(err, "other") {
		t.Error("Unique matches a constraint of another name")
	}
}

// A deferred constraint fails COMMIT itself, and certainly rolls back.
func TestRefusedCommitHasACertainOutcome(t *testing.T) {
	db := pgtest.New(t, schema)
	err := pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO thing.late VALUES (1), (1)`)
		return err
	})
	if !pg.Unique(err, "") || errors.Is(err, pg.ErrUnknownOutcome) {
		t.Errorf("InTx() = %v, want a unique violation of certain outcome", err)
	}
}

func TestContextEndedBeforeCommitHasACertainOutcome(t *testing.T) {
	db := pgtest.New(t, schema)
	ctx, cancel := context.WithCancel(t.Context())
	err := pg.InTx(ctx, db, func(tx pgx.Tx) error {
		err := increment(ctx, tx)
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, pg.ErrUnknownOutcome) {
		t.Errorf("InTx() = %v, want context.Canceled of certain outcome", err)
	}
	if got := value(t, db); got != 0 {
		t.Errorf("n = %d, want 0", got)
	}
}

// SECURITY case F4: each way in which a waiting COMMIT can end without a clean
// answer. The row becomes visible all the same, sooner or later.
func TestUnwaitedCommitHasAnUnknownOutcome(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(ctx context.Context, lost *pgtest.Standby, pid int, cancel context.CancelFunc) error
	}{
		{"wait canceled: NOTICE 01000", func(ctx context.Context, lost *pgtest.Standby, pid int, _ context.CancelFunc) error {
			return lost.Cancel(ctx, pid)
		}},
		{"connection lost", func(ctx context.Context, lost *pgtest.Standby, pid int, _ context.CancelFunc) error {
			return lost.Terminate(ctx, pid)
		}},
		{"context ended", func(_ context.Context, _ *pgtest.Standby, _ int, cancel context.CancelFunc) error {
			cancel()
			return nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := pgtest.Server(t, schema)
			db := s.Open(t)
			lost := s.LoseStandby(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				pid, err := lost.Waiting(ctx)
				ended <- errors.Join(err, tt.end(ctx, lost, pid, cancel))
			}()

			err := pg.InTx(ctx, db, func(tx pgx.Tx) error { return increment(ctx, tx) })
			if !errors.Is(err, pg.ErrUnknownOutcome) {
				t.Errorf("InTx() = %v, want %v", err, pg.ErrUnknownOutcome)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// A warning that the function itself provokes is no verdict on the commit.
func TestWarningBeforeCommitDoesNotCount(t *testing.T) {
	db := pgtest.New(t, schema)
	err := pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE WARNING 'of its own'; END $$`)
		return err
	})
	if err != nil {
		t.Errorf("InTx() = %v, want nil", err)
	}
}

func TestTakeWarningForgets(t *testing.T) {
	conn, err := pg.Connect(t.Context(), pgtest.URL(t), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if _, err := conn.Exec(t.Context(), `DO $$ BEGIN RAISE NOTICE 'harmless'; END $$`); err != nil {
		t.Fatal(err)
	}
	if pg.TakeWarning(conn) {
		t.Error("a NOTICE without code 01000 counts as a warning")
	}
	if _, err := conn.Exec(t.Context(), `DO $$ BEGIN RAISE WARNING 'alarming'; END $$`); err != nil {
		t.Fatal(err)
	}
	if !pg.TakeWarning(conn) || pg.TakeWarning(conn) {
		t.Error("a warning is to be seen exactly once")
	}
}

func TestUniqueIsForUniqueViolations(t *testing.T) {
	if pg.Unique(&pgconn.PgError{Code: "23503"}, "") || pg.Unique(errors.New("x"), "") {
		t.Error("Unique matches another error")
	}
}

// A statement that is not waited for is answered with a warning as well.
func TestWarnedStatementHasAnUnknownOutcome(t *testing.T) {
	db := pgtest.New(t, schema)
	for level, want := range map[string]error{"WARNING": pg.ErrUnknownOutcome, "NOTICE": nil} {
		err := pg.InStatement(t.Context(), db, func(conn *pgx.Conn) error {
			_, err := conn.Exec(t.Context(), `DO $$ BEGIN RAISE `+level+` 'x'; END $$`)
			return err
		})
		if !errors.Is(err, want) {
			t.Errorf("%s: InStatement() = %v, want %v", level, err, want)
		}
	}
}

func TestStatementReturnsItsError(t *testing.T) {
	db := pgtest.New(t, schema)
	attempts := 0
	err := pg.InStatement(t.Context(), db, func(conn *pgx.Conn) error {
		attempts++
		_, err := conn.Exec(t.Context(), `DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$`)
		return err
	})
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != "40001" || attempts != 1 {
		t.Errorf("InStatement() = %v after %d attempts, want SQLSTATE 40001 after 1", err, attempts)
	}
}
