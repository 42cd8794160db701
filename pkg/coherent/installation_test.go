package coherent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/natstest"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/tcpproxy"
)

const (
	bound    = 1500 * time.Millisecond
	keep     = time.Hour
	patience = 30 * time.Second
)

// living is a grant that nobody ever ends.
var living = uuid.UUID{0xff}

// elapsed reads a clock.
func elapsed() time.Duration { return time.Since(time.Unix(0, 0)) }

// options makes three replicas lapse and recover within a test.
func options() coherent.Options {
	return coherent.Options{
		Bound: bound, Pause: 50 * time.Millisecond, Period: 50 * time.Millisecond, PollTimeout: 500 * time.Millisecond,
	}
}

func hintKey() []byte { return bytes.Repeat([]byte{7}, 32) }

// installation is three replicas on one PostgreSQL and one NATS server, each
// over links of its own, and a service that restricts.
type installation struct {
	db    *pgxpool.Pool
	nats  *natstest.Server
	nodes []*node

	service *coherent.Hints // of who restricts
	bus     *nats.Conn      // of the same

	mu    sync.Mutex
	ended []revocation
}

type node struct {
	*coherent.Replica
	hints         *coherent.Hints
	database, bus *tcpproxy.Proxy
}

// revocation is a grant that was ended, and when that was acknowledged.
type revocation struct {
	grant        uuid.UUID
	acknowledged time.Duration
}

func install(t *testing.T, o coherent.Options) *installation {
	t.Helper()
	dbURL := pgtest.URL(t, migrations.Set())
	in := &installation{db: open(t, dbURL), nats: natstest.NewServer(t)}
	in.bus = connect(t, in.nats.URL())
	in.service = coherent.NewHints(in.bus, coherent.HintOptions{Keep: keep, Key: hintKey()})
	for range 3 {
		in.nodes = append(in.nodes, in.join(t, dbURL, o))
	}
	for _, n := range in.nodes {
		eventually(t, "a replica permits", func() bool { active, err := n.asks(t, living); return active && err == nil })
	}
	return in
}

// join starts a replica.
func (in *installation) join(t *testing.T, dbURL string, o coherent.Options) *node {
	t.Helper()
	database, proxied := pgtest.Proxy(t, dbURL)
	bus := tcpproxy.Start(t, strings.TrimPrefix(in.nats.URL(), "nats://"))
	n := &node{database: database, bus: bus}
	n.Replica = coherent.New(newSource(t, proxied), coherent.NewState(0), o)
	n.hints = coherent.NewHints(connect(t, "nats://"+bus.Addr()), coherent.HintOptions{Keep: keep, Key: hintKey()})
	if err := n.hints.Subscribe(t.Context(), n.Replica); err != nil {
		t.Fatal(err)
	}
	run(t, n.Run)
	return n
}

func newSource(t *testing.T, dbURL string) *coherentpg.Source {
	t.Helper()
	s := coherentpg.NewSource(dbURL, pg.Options{})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Close(ctx) // The link may be cut.
	})
	return s
}

func open(t *testing.T, dbURL string) *pgxpool.Pool {
	t.Helper()
	db, err := pg.Open(t.Context(), dbURL, pg.Options{MaxConns: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func connect(t *testing.T, busURL string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(busURL, nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// run runs f until the test ends.
func run(t *testing.T, f func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// end ends a grant as services do: commit, hint, acknowledge.
func (in *installation) end(t *testing.T) uuid.UUID {
	t.Helper()
	grant := uuid.New()
	in.append(t, coherent.Grant(grant, 1))
	in.service.Publish(t.Context(), coherent.Grant(grant, 1))
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ended = append(in.ended, revocation{grant, elapsed()})
	return grant
}

func (in *installation) append(t *testing.T, rs ...coherent.Restriction) {
	t.Helper()
	err := database.Postgres(in.db).InTx(t.Context(), func(tx *database.Tx) error {
		return coherentdb.Append(t.Context(), tx, keep, rs...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// asks reads whether the grant is active.
func (n *node) asks(t *testing.T, grant uuid.UUID) (active bool, err error) {
	err = n.Check(t.Context(), func(s *coherent.State) bool {
		active = s.GrantEpoch(grant) == 0
		return active
	})
	if err != nil && !errors.Is(err, coherent.ErrStale) {
		t.Errorf("Check() = %v", err)
	}
	return active, err
}

// seenBy waits until the replicas know that the grant has ended.
func seenBy(t *testing.T, grant uuid.UUID, nodes ...*node) {
	t.Helper()
	for i, n := range nodes {
		eventually(t, fmt.Sprintf("the end of a grant is seen by replica %d", i), func() bool {
			active, err := n.asks(t, grant)
			return !active && err == nil
		})
	}
}

// watch asks every replica about everything all the time, and fails the test
// when a question that began later than the bound after a revocation was
// acknowledged is answered with "active".
func (in *installation) watch(t *testing.T) {
	for _, n := range in.nodes {
		run(t, func(ctx context.Context) error {
			tick := time.NewTicker(2 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					in.askAll(t, n)
				case <-ctx.Done():
					return nil
				}
			}
		})
	}
}

func (in *installation) askAll(t *testing.T, n *node) {
	in.mu.Lock()
	all := in.ended
	in.mu.Unlock()
	for _, r := range all {
		begin := elapsed()
		active, err := n.asks(t, r.grant)
		if active && err == nil && begin > r.acknowledged+bound {
			t.Errorf("active %s after its end was acknowledged", begin-r.acknowledged)
		}
	}
	if active, err := n.asks(t, living); err == nil && !active {
		t.Error("a grant that nobody ended is not active")
	}
}
