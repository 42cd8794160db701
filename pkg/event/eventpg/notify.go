package eventpg

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/pg"
)

const (
	// reconnectWait is the time between two attempts to connect. Polls go on
	// meanwhile, so nothing but speed is lost.
	reconnectWait = time.Second
	// notifyTimeout bounds one NOTIFY, so that a dead link is noticed.
	notifyTimeout = 5 * time.Second
)

// Notifier tells every process that listens on the database that something was
// committed. A NOTIFY within the writing transaction would make all commits wait
// for each other, because the server holds one lock over the flush of each. So a
// commit only sets a signal, and this says one NOTIFY for all that were set, on a
// connection of its own whose commits wait for no flush.
type Notifier struct {
	url    string
	o      pg.Options
	log    *slog.Logger
	signal event.Signal
}

// NewNotifier returns a notifier that connects to url once it runs.
func NewNotifier(url string, o pg.Options, log *slog.Logger) *Notifier {
	return &Notifier{url: url, o: o, log: log, signal: event.NewSignal()}
}

// Wake never blocks. It is for pg.Options.Wake.
func (n *Notifier) Wake() { n.signal.Set() }

// Run notifies until ctx ends; it then returns nil. A connection that breaks is
// made anew, and what was to be told is told then.
func (n *Notifier) Run(ctx context.Context) error {
	keep(ctx, n.log.With(slog.String("connection", "notify")), n.session)
	return nil
}

// session notifies over one connection. It returns when that breaks, or ctx ends.
func (n *Notifier) session(ctx context.Context, ready func()) (err error) {
	conn, err := pg.Connect(ctx, n.url, n.o)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	// What a NOTIFY commits is worth no flush.
	if _, err := conn.Exec(ctx, `SET synchronous_commit = off`); err != nil {
		return fmt.Errorf("set synchronous_commit: %w", err)
	}
	ready()
	for {
		select {
		case <-n.signal:
		case <-ctx.Done():
			return nil
		}
		if err := notify(ctx, conn); err != nil {
			n.signal.Set()
			return err
		}
	}
}

func notify(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	if _, err := conn.Exec(ctx, `NOTIFY chancery_wake`); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}

// keep runs session again and again until ctx ends. It logs once when sessions
// begin to fail, and once when one is ready again.
func keep(ctx context.Context, log *slog.Logger, session func(ctx context.Context, ready func()) error) {
	failed := false
	for ctx.Err() == nil {
		err := session(ctx, func() {
			if failed {
				log.InfoContext(ctx, "connection for notifications is back")
			}
			failed = false
		})
		if ctx.Err() != nil {
			return
		}
		if !failed {
			log.WarnContext(ctx, "connection for notifications is lost", slog.Any("error", err))
		}
		failed = true
		wait(ctx, reconnectWait)
	}
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// closeConn says goodbye to a server that may be gone, when ctx may be over.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reconnectWait)
	defer cancel()
	_ = conn.Close(ctx)
}
