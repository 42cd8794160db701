package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
)

// writers are the services that change something.
func writers() []string { return []string{"authorize", "token", "consent", "registry", "directory"} }

func TestEveryWriterRestrictsAndTells(t *testing.T) {
	d := newDatabase(t)
	for _, service := range writers() {
		conn := d.connect(t, "chancery_"+service)
		err := pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
			if err := coherentpg.Append(t.Context(), tx, time.Hour, coherent.Grant(uuid.New(), 1)); err != nil {
				return err
			}
			return eventpg.Append(t.Context(), tx, event.Event{Type: event.GrantRevoked, Sub: service})
		})
		if err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
}

// The token service asks what has ended, and confirms it, without a right to read.
func TestTokenEndsATokenOnce(t *testing.T) {
	d := newDatabase(t)
	db, err := pg.Open(t.Context(), d.as(t, "chancery_token"), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	token, family := [16]byte{1}, uuid.New()
	for _, want := range []bool{true, false} {
		err := pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
			log, err := coherentpg.FindEnded(t.Context(), tx, token, family)
			if err != nil {
				return err
			}
			r, changes := log.End(token, family, "client", time.Now()) //nolint:forbidigo // The database has the clock of this machine.
			if changes != want {
				t.Errorf("%+v: changes = %t, want %t", log, changes, want)
			}
			if !changes {
				return coherentpg.Confirm(t.Context(), tx)
			}
			return coherentpg.Append(t.Context(), tx, time.Hour, r)
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestEveryServiceSeesHowFarItsSchemasAre(t *testing.T) {
	d := newDatabase(t)
	for _, service := range services() {
		sets := migrations(t)[:2]
		for _, each := range migrations(t)[2:] {
			if each.Name == service {
				sets = append(sets, each)
			}
		}
		if _, err := migrate.StatusPostgres(t.Context(), d.as(t, "chancery_"+service), sets...); err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
}

func TestIntrospectionPollsAndRegistrySweeps(t *testing.T) {
	d := newDatabase(t)
	source := coherentpg.NewSource(d.as(t, "chancery_introspection"), pg.Options{})
	t.Cleanup(func() { _ = source.Close(t.Context()) })
	batch, err := coherenttest.Load(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Poll(t.Context(), batch.Cursor); err != nil {
		t.Error(err)
	}

	db, err := pg.Open(t.Context(), d.as(t, "chancery_registry"), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if _, err := sweeptest.All(t.Context(), coherentpg.Sweeps(db)...); err != nil {
		t.Error(err)
	}
}

func TestTokenReadsTheEpochThatTheOwnerRaises(t *testing.T) {
	d := newDatabase(t)
	var epochs [2]int64
	for i, role := range []string{"chancery_owner", "chancery_token"} {
		db, err := pg.Open(t.Context(), d.as(t, role), pg.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		read := coherentpg.RestoreEpoch
		if role == "chancery_owner" {
			read = coherentpg.RaiseRestoreEpoch
		}
		if epochs[i], err = read(t.Context(), db); err != nil {
			t.Fatalf("as %s: %v", role, err)
		}
	}
	if epochs[0] == 0 || epochs[0] != epochs[1] {
		t.Errorf("raised to %d, read %d", epochs[0], epochs[1])
	}
}

func TestRegistryRelaysTheOutbox(t *testing.T) {
	d := newDatabase(t)
	writer := d.connect(t, "chancery_token")
	const add = `INSERT INTO event.outbox (id, event_time, type, event, traceparent) VALUES ($1, now(), 'grant.revoked', '', '')`
	if _, err := writer.Exec(t.Context(), add, uuid.New()); err != nil {
		t.Fatal(err)
	}
	db, err := pg.Open(t.Context(), d.as(t, "chancery_registry"), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	outbox := eventpg.NewOutbox(db)
	if pending, _, err := outbox.Lag(t.Context()); pending != 1 || err != nil {
		t.Errorf("%d events are pending, error %v", pending, err)
	}
	relayed, err := outbox.Relay(t.Context(), 10, discard)
	if relayed != 1 || err != nil {
		t.Errorf("%d events relayed, error %v", relayed, err)
	}
}
