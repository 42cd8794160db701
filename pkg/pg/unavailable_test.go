package pg_test

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// fault is what the kernel says at the next operation of a kind on any connection
// of a pool.
type fault struct {
	op    string // "dial", "write" or "read"
	errno syscall.Errno
}

// network is one in which a fault can be had.
type network struct{ next atomic.Pointer[fault] }

// take returns the error of the fault, if it is for the operation.
func (n *network) take(op string) error {
	f := n.next.Load()
	if f == nil || f.op != op {
		return nil
	}
	return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(op, f.errno)}
}

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := n.take("dial"); err != nil {
		return nil, err
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	return &conn{c, n}, err
}

type conn struct {
	net.Conn

	n *network
}

func (c *conn) Read(p []byte) (int, error) {
	read, err := c.Conn.Read(p)
	if broken := c.n.take("read"); broken != nil {
		_ = c.Close()
		return 0, broken
	}
	return read, err
}

func (c *conn) Write(p []byte) (int, error) {
	if broken := c.n.take("write"); broken != nil {
		_ = c.Close()
		return 0, broken
	}
	return c.Conn.Write(p)
}

// pool is one of a single connection, and the network that it goes through.
func pool(t *testing.T) (*pgxpool.Pool, *network) {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(pgtest.URL(t, schema))
	if err != nil {
		t.Fatal(err)
	}
	n := &network{}
	cfg.MaxConns = 1
	cfg.ConnConfig.DialFunc = n.dial
	db, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db, n
}

func TestN328_AConnectionThatIsLostIsUnavailable(t *testing.T) {
	db, n := pool(t)
	for _, errno := range []syscall.Errno{
		syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
		syscall.ECONNABORTED, syscall.ECONNREFUSED,
	} {
		for _, path := range paths(t, db, n) {
			for _, op := range path.ops {
				if err := db.Ping(t.Context()); err != nil {
					t.Fatalf("without a fault: %v", err)
				}
				err := path.run(&fault{op, errno})
				n.next.Store(nil)
				if !pg.Unavailable(err) {
					t.Errorf("%s at a %s of %s is not unavailable: %v", errno, op, path.name, err)
				}
				if unknown := errors.Is(err, pg.ErrUnknownOutcome); unknown != path.unknown {
					t.Errorf("%s at a %s of %s: unknown outcome %t, want %t: %v", errno, op, path.name, unknown, path.unknown, err)
				}
			}
		}
	}
}

// path is a way to use the database.
type path struct {
	name    string
	ops     []string
	unknown bool // the outcome of what was done is unknown
	run     func(*fault) error
}

// paths are all of them.
func paths(t *testing.T, db *pgxpool.Pool, n *network) []path {
	both := []string{"write", "read"}
	inTx := func(f func(tx pgx.Tx) error) error { return pg.InTx(t.Context(), db, f) }
	return []path{
		{"acquire", []string{"dial"}, false, func(f *fault) error {
			db.Reset() // the pool has to connect
			n.next.Store(f)
			return inTx(func(pgx.Tx) error { return nil })
		}},
		{"begin", both, false, func(f *fault) error {
			n.next.Store(f)
			return inTx(func(pgx.Tx) error { return nil })
		}},
		{"a statement in a transaction", both, false, func(f *fault) error {
			return inTx(func(tx pgx.Tx) error {
				n.next.Store(f)
				return increment(t.Context(), tx)
			})
		}},
		{"commit", both, true, func(f *fault) error {
			return inTx(func(tx pgx.Tx) error {
				defer n.next.Store(f)
				return increment(t.Context(), tx)
			})
		}},
		{"a statement of its own", both, false, func(f *fault) error {
			return pg.InStatement(t.Context(), db, func(c *pgx.Conn) error {
				n.next.Store(f)
				_, err := c.Exec(t.Context(), `SELECT 1`)
				return err
			})
		}},
		{"rows", []string{"read"}, false, func(f *fault) error {
			rows, err := db.Query(t.Context(), `SELECT repeat('x', 100000) FROM generate_series(1, 100)`)
			if err != nil {
				t.Fatal(err)
			}
			rows.Next()
			n.next.Store(f)
			for rows.Next() {
				_ = rows.RawValues()
			}
			return rows.Err()
		}},
		{"a statement after the one that failed", both, false, func(f *fault) error {
			return inTx(func(tx pgx.Tx) error {
				n.next.Store(f)
				_ = increment(t.Context(), tx)
				return increment(t.Context(), tx)
			})
		}},
	}
}

// What the server refuses on a connection that works is no reason to try again.
func TestN328_ARefusalIsNotUnavailable(t *testing.T) {
	db, _ := pool(t)
	for statement, want := range map[string]bool{
		`INSERT INTO thing.late VALUES (7), (7); SET CONSTRAINTS ALL IMMEDIATE`: false,
		`SELECT 1 / 0`:          false,
		`SELECT no_such_column`: false,
		`DO $$ BEGIN RAISE EXCEPTION SQLSTATE '42501'; END $$`: false,
		`DO $$ BEGIN RAISE EXCEPTION SQLSTATE '53300'; END $$`: true,
		`DO $$ BEGIN RAISE EXCEPTION SQLSTATE '25006'; END $$`: true,
	} {
		_, err := db.Exec(t.Context(), statement)
		if err == nil || pg.Unavailable(err) != want {
			t.Errorf("%s: Unavailable(%v) = %t, want %t", statement, err, !want, want)
		}
	}
	if _, missing := os.Open("/no/such/file"); pg.Unavailable(missing) || pg.Unavailable(nil) {
		t.Error("something that is no error of a database is unavailable")
	}
}
