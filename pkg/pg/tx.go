package pg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	// ErrUnknownOutcome is wrapped by the error of a transaction of which
	// nobody can say whether it took effect, or whether it is durable. The
	// caller must not acknowledge it, and may repeat it if it is idempotent.
	ErrUnknownOutcome = errors.New("transaction outcome is unknown")
	// ErrBusy is wrapped by the error of a transaction that lost against
	// others on every attempt. It had no effect.
	ErrBusy = errors.New("database is busy")
)

const (
	maxRetries      = 3
	rollbackTimeout = 2 * time.Second
)

// InTx runs f in a transaction and commits it when f returns nil. After a
// serialization failure or a deadlock the whole of f runs again, at most three
// more times, so f must have no effect but on the database and on variables
// that it sets anew each time. A pool whose options set a statement timeout
// does not bound the wait of COMMIT; ctx does.
//
// Fails with the error of f, with ErrBusy when no attempt got through, and
// with ErrUnknownOutcome when COMMIT was sent and its effect is not certain.
func InTx(ctx context.Context, db *pgxpool.Pool, f func(tx pgx.Tx) error) error {
	for retries := 0; ; retries++ {
		err := attempt(ctx, db, f)
		switch {
		case err == nil || !lostRace(err):
			return err
		case retries == maxRetries:
			return fmt.Errorf("%w: %w", ErrBusy, err)
		}
	}
}

// InStatement runs f, which executes one statement on conn: a transaction of its
// own, in one round trip where [InTx] takes three. It runs once. The statement
// must not provoke warnings itself.
//
// Fails with the error of f, and with ErrUnknownOutcome when the statement was
// not waited for by a standby.
func InStatement(ctx context.Context, db *pgxpool.Pool, f func(conn *pgx.Conn) error) error {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("acquire connection: %w", err)
	}
	defer conn.Release()
	TakeWarning(conn.Conn()) // what came before is no verdict on the statement
	forgetWake(conn.Conn())
	if err := f(conn.Conn()); err != nil {
		return err
	}
	takeWake(conn.Conn())
	if TakeWarning(conn.Conn()) {
		return fmt.Errorf("%w: statement was not waited for by a standby", ErrUnknownOutcome)
	}
	return nil
}

func attempt(ctx context.Context, db *pgxpool.Pool, f func(tx pgx.Tx) error) error {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("acquire connection: %w", err)
	}
	defer conn.Release()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer rollback(ctx, tx)
	forgetWake(conn.Conn())
	if err := f(tx); err != nil {
		return err
	}
	return commit(ctx, tx)
}

// rollback is a no-op after COMMIT. It has a deadline of its own, because the
// context of the request may have ended already.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	// The connection is closed when it fails, which rolls back as well.
	_ = tx.Rollback(ctx)
}

// commit tells the three outcomes apart: done, certainly not done, unknown.
func commit(ctx context.Context, tx pgx.Tx) error {
	// Before COMMIT is sent the outcome is certain: nothing happened.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	TakeWarning(tx.Conn()) // what f provoked is no verdict on the commit
	err := tx.Commit(ctx)
	if err == nil || !undone(err) {
		// A commit of unknown outcome may have happened, and waking is harmless.
		takeWake(tx.Conn())
	}
	switch {
	case err == nil && TakeWarning(tx.Conn()):
		return fmt.Errorf("%w: commit was not waited for by a standby", ErrUnknownOutcome)
	case err == nil:
		return nil
	case undone(err):
		return fmt.Errorf("commit transaction: %w", err)
	default:
		return fmt.Errorf("commit transaction: %w: %w", ErrUnknownOutcome, err)
	}
}

// undone says whether a failed COMMIT certainly had no effect: the server
// answered that it rolled back. A FATAL answer, such as that of a shutdown, may
// come after the commit record was written, and the driver's "conn closed" is
// what a connection says that broke while COMMIT waited, although
// pgconn.SafeToRetry holds for it.
func undone(err error) bool {
	if errors.Is(err, pgx.ErrTxCommitRollback) {
		return true
	}
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.SeverityUnlocalized == "ERROR"
}
