package eventpg_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

var quiet = slog.New(slog.DiscardHandler)

// within fails the test when the signal does not come.
func within(t *testing.T, s <-chan struct{}, what string) {
	t.Helper()
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	select {
	case <-s:
	case <-timeout.C:
		t.Fatalf("never: %s", what)
	}
}

// statements remembers what was executed.
type statements struct {
	mu   sync.Mutex
	list []string
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, strings.ToUpper(data.SQL))
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *statements) notify() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(strings.Join(s.list, ";"), "NOTIFY")
}

func TestCommitWakesWhoListens(t *testing.T) {
	url := pgtest.URL(t, migrations.Set())
	notifier := eventpg.NewNotifier(url, pg.Options{}, quiet)
	start(t, notifier.Run)
	here, there := event.NewSignal(), event.NewSignal()
	start(t, eventpg.NewListener(url, pg.Options{}, quiet, here.Set).Run)
	start(t, eventpg.NewListener(url, pg.Options{}, quiet, there.Set).Run)
	within(t, here, "a listener that has connected wakes")
	within(t, there, "a listener that has connected wakes")

	var executed statements
	db := open(t, url, pg.Options{Wake: notifier.Wake, Tracer: &executed})
	err := database.Postgres(db).InTx(t.Context(), func(tx *database.Tx) error {
		return eventdb.Append(t.Context(), tx, eventtest.Whole())
	})
	if err != nil {
		t.Fatal(err)
	}
	within(t, here, "who listens is woken")
	within(t, there, "who listens is woken")
	if executed.notify() {
		t.Error("a writer notifies in its own transaction, which makes commits wait for each other")
	}
}

func TestWakeNeverBlocks(t *testing.T) {
	notifier := eventpg.NewNotifier("postgres://127.0.0.1:1/none", pg.Options{}, quiet)
	for range 1000 {
		notifier.Wake() // nobody runs it
	}
}

// What was to be told while the connection was away is told afterwards, and who
// listens is woken for what it may have missed.
func TestWakeOutlivesTheServer(t *testing.T) {
	server := pgtest.Server(t, migrations.Set())
	url := server.URL()
	notifier := eventpg.NewNotifier(url, pg.Options{}, quiet)
	start(t, notifier.Run)
	woken := event.NewSignal()
	start(t, eventpg.NewListener(url, pg.Options{}, quiet, woken.Set).Run)
	within(t, woken, "a listener that has connected wakes")
	notifier.Wake()
	within(t, woken, "who listens is woken")

	server.Stop(t)
	notifier.Wake()
	server.Start(t)
	within(t, woken, "a listener that is back wakes")
	// From here on both are back: one of a few attempts gets through.
	notifier.Wake()
	within(t, woken, "who listens is woken again")
}

func TestRunEndsWithItsContext(t *testing.T) {
	url := pgtest.URL(t)
	for name, run := range map[string]func(context.Context) error{
		"notifier":             eventpg.NewNotifier(url, pg.Options{}, quiet).Run,
		"listener":             eventpg.NewListener(url, pg.Options{}, quiet).Run,
		"without a database":   eventpg.NewNotifier("postgres://127.0.0.1:1/none", pg.Options{}, quiet).Run,
		"listener without one": eventpg.NewListener("postgres://127.0.0.1:1/none", pg.Options{}, quiet).Run,
	} {
		t.Run(name, func(t *testing.T) { start(t, run)() })
	}
}
