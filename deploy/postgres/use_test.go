package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
)

// writers are the services that change something.
func writers() []string { return []string{"authorize", "token", "consent", "registry", "directory"} }

func TestEveryWriterRestrictsAndTells(t *testing.T) {
	d := newDatabase(t)
	for _, service := range writers() {
		err := d.open(t, "chancery_"+service).InTx(t.Context(), func(tx *database.Tx) error {
			if err := coherentdb.Append(t.Context(), tx, time.Hour, coherent.Grant(uuid.New(), 1)); err != nil {
				return err
			}
			return eventdb.Append(t.Context(), tx, event.Event{Type: event.GrantRevoked, Sub: service})
		})
		if err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
}

// The token service asks what has ended, and confirms it, without a right to read.
func TestTokenEndsATokenOnce(t *testing.T) {
	d := newDatabase(t)
	db := d.open(t, "chancery_token")
	token, family := [16]byte{1}, uuid.New()
	for _, want := range []bool{true, false} {
		err := db.InTx(t.Context(), func(tx *database.Tx) error {
			log, err := coherentdb.FindEnded(t.Context(), tx, token, family)
			if err != nil {
				return err
			}
			r, changes := log.End(token, family, "client", time.Now()) //nolint:forbidigo // The database has the clock of this machine.
			if changes != want {
				t.Errorf("%+v: changes = %t, want %t", log, changes, want)
			}
			if !changes {
				return tx.Confirm(t.Context())
			}
			return coherentdb.Append(t.Context(), tx, time.Hour, r)
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

	db := d.open(t, "chancery_registry")
	if _, err := sweeptest.All(t.Context(), coherentdb.Sweeps(db)...); err != nil {
		t.Error(err)
	}
}

func TestTokenReadsTheEpochThatTheOwnerRaises(t *testing.T) {
	d := newDatabase(t)
	var epochs [2]int64
	for i, role := range []string{"chancery_owner", "chancery_token"} {
		db := d.open(t, role)
		read := coherentdb.RestoreEpoch
		if role == "chancery_owner" {
			read = coherentdb.RaiseRestoreEpoch
		}
		var err error
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
	db := d.open(t, "chancery_registry")
	outbox := eventdb.NewOutbox(db)
	if pending, _, err := outbox.Lag(t.Context()); pending != 1 || err != nil {
		t.Errorf("%d events are pending, error %v", pending, err)
	}
	relayed, err := outbox.Relay(t.Context(), 10, discard)
	if relayed != 1 || err != nil {
		t.Errorf("%d events relayed, error %v", relayed, err)
	}
}
