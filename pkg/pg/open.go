package pg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// searchPath names no schema that a role could write to before the system
	// catalog: every statement qualifies its tables, and nobody can put a
	// function of their own in front of a built-in one.
	searchPath = "pg_catalog, pg_temp"

	// idleInTransactionTimeout ends a session that holds a transaction and does
	// nothing with it. Such a session widens every poll of the restriction log.
	idleInTransactionTimeout = 30 * time.Second

	defaultStatementTimeout = 10 * time.Second
)

// ErrUnsafeServer is returned for a server or a connection that could lose or
// leak what it was trusted with.
var ErrUnsafeServer = errors.New("unsafe database server")

// Options adjusts a connection. The zero value is usable.
type Options struct {
	// ApplicationName shows in pg_stat_activity. Empty means "chancery".
	ApplicationName string
	// MaxConns bounds the pool. Zero leaves it to the URL's pool_max_conns, or
	// to pgx: the greater of 4 and the number of CPUs.
	MaxConns int32
	// StatementTimeout ends a statement that runs longer. Zero means 10 s,
	// less than zero no limit. It does not interrupt a COMMIT that waits for a
	// standby.
	StatementTimeout time.Duration
	// Tracer sees every statement. Nil traces nothing.
	Tracer pgx.QueryTracer
	// AllowPlaintext permits a server on another machine without TLS verified
	// in full (sslmode=verify-full). Unix sockets and loopback need no TLS.
	AllowPlaintext bool
	// Wake is called after each commit in whose transaction [WakeAfterCommit] was
	// asked for. It must not block, and may be called by several goroutines at
	// once. Nil wakes nobody.
	Wake func()
}

// Open connects to the server that url names and checks that it answers. The
// caller closes the pool. Fails with ErrUnsafeServer when the connection
// would leave the machine without verified TLS, or when the role commits
// without waiting for the flush (synchronous_commit below on).
func Open(ctx context.Context, url string, o Options) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("parse database url: %w", err)
	}
	if err := harden(cfg.ConnConfig, o); err != nil {
		return nil, err
	}
	if o.MaxConns > 0 {
		cfg.MaxConns = o.MaxConns
	}
	db, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open database pool: %w", err)
	}
	if err := checkDurable(ctx, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// Connect opens one connection outside any pool, with the same settings and
// checks as [Open]. The caller closes it.
func Connect(ctx context.Context, url string, o Options) (*pgx.Conn, error) {
	cfg, err := Config(url, o)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to database: %w", err)
	}
	if err := checkDurable(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

// Config is what [Connect] connects with, for a driver that takes it.
func Config(url string, o Options) (*pgx.ConnConfig, error) {
	// As a pool reads it: one URL may serve both, and say how large the pool is.
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("parse database url: %w", err)
	}
	return cfg.ConnConfig, harden(cfg.ConnConfig, o)
}

// harden applies what does not depend on the operator's URL.
func harden(cfg *pgx.ConnConfig, o Options) error {
	if !o.AllowPlaintext && !private(&cfg.Config) {
		return fmt.Errorf("%w: %s is not on this machine, and sslmode is not verify-full", ErrUnsafeServer, cfg.Host)
	}
	if o.ApplicationName == "" {
		o.ApplicationName = "chancery"
	}
	if o.StatementTimeout == 0 {
		o.StatementTimeout = defaultStatementTimeout
	}
	cfg.RuntimeParams["search_path"] = searchPath
	cfg.RuntimeParams["application_name"] = o.ApplicationName
	cfg.RuntimeParams["statement_timeout"] = milliseconds(o.StatementTimeout)
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = milliseconds(idleInTransactionTimeout)
	cfg.OnNotice = noteWarning
	cfg.Tracer = o.Tracer
	if o.Wake != nil {
		cfg.AfterConnect = func(_ context.Context, c *pgconn.PgConn) error {
			c.CustomData()[wake] = o.Wake
			return nil
		}
	}
	return nil
}

// private says whether every server the driver may try is on this machine or
// is reached over TLS that verifies both its chain and its name.
func private(cfg *pgconn.Config) bool {
	servers := []*pgconn.FallbackConfig{{Host: cfg.Host, TLSConfig: cfg.TLSConfig}}
	for _, s := range append(servers, cfg.Fallbacks...) {
		verified := s.TLSConfig != nil && !s.TLSConfig.InsecureSkipVerify
		if !verified && !local(s.Host) {
			return false
		}
	}
	return true
}

func local(host string) bool {
	if strings.HasPrefix(host, "/") || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// rowQuerier is what a pool and a connection share.
type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// checkDurable refuses a role for which COMMIT may answer before the flush, or
// before the standby: an acknowledged revocation could be lost.
func checkDurable(ctx context.Context, db rowQuerier) error {
	var mode string
	if err := db.QueryRow(ctx, `SELECT current_setting('synchronous_commit')`).Scan(&mode); err != nil {
		return fmt.Errorf("read synchronous_commit: %w", err)
	}
	if mode != "on" && mode != "remote_apply" {
		return fmt.Errorf("%w: synchronous_commit is %s, want on", ErrUnsafeServer, mode)
	}
	return nil
}

// milliseconds is the server's form of a timeout, in which 0 is no limit.
func milliseconds(d time.Duration) string {
	return strconv.FormatInt(max(0, d.Milliseconds()), 10)
}
