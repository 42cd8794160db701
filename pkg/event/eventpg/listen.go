// Package eventpg wakes the processes that wait for what others commit, by NOTIFY,
// which SQLite has no need for: it is of one process.
package eventpg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/pg"
)

// listenCheck is how long a silent connection is believed in.
const listenCheck = 30 * time.Second

// Listener hears what a [Notifier] of any process says. Notifications may be
// lost, so whoever listens polls as well.
type Listener struct {
	url  string
	o    pg.Options
	log  *slog.Logger
	wake []func()
}

// NewListener returns a listener that connects to url once it runs. It calls each
// function, one after another, for each notification, and whenever it has
// connected, because something may have been said before. They must not block.
// The connection must not lead through a pooler that shares sessions.
func NewListener(url string, o pg.Options, log *slog.Logger, wake ...func()) *Listener {
	return &Listener{url: url, o: o, log: log, wake: wake}
}

// Run listens until ctx ends; it then returns nil. A connection that breaks is
// made anew.
func (l *Listener) Run(ctx context.Context) error {
	keep(ctx, l.log.With(slog.String("connection", "listen")), l.session)
	return nil
}

// session listens on one connection. It returns when that breaks, or ctx ends.
func (l *Listener) session(ctx context.Context, ready func()) error {
	conn, err := pg.Connect(ctx, l.url, l.o)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	if _, err := conn.Exec(ctx, `LISTEN chancery_wake`); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ready()
	for {
		for _, wake := range l.wake {
			wake()
		}
		if err := next(ctx, conn); err != nil {
			return err
		}
	}
}

// next waits for a notification. A connection that is silent for long is asked
// whether it lives, because nothing else would notice a link that is dead.
func next(ctx context.Context, conn *pgx.Conn) error {
	for {
		silent, cancel := context.WithTimeout(ctx, listenCheck)
		_, err := conn.WaitForNotification(silent)
		expired := silent.Err() != nil
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || !expired || conn.IsClosed():
			return fmt.Errorf("wait for notification: %w", err)
		}
		if err := ping(ctx, conn); err != nil {
			return errors.Join(err, conn.Close(ctx))
		}
	}
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	return conn.Ping(ctx)
}
