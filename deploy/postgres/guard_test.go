package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
)

// restrict writes, as a service, a restriction that is kept for that long from now.
func restrict(t *testing.T, d serverDatabase, keep time.Duration) {
	t.Helper()
	err := d.open(t, "chancery_token").InTx(t.Context(), func(tx *database.Tx) error {
		return coherentdb.Append(t.Context(), tx, keep, coherent.Grant(uuid.New(), 1))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The triggers refuse the roles that no grant stops.
func TestN326_ARestrictionStaysUntilItHasRunOut(t *testing.T) {
	d := newDatabase(t)
	restrict(t, d, time.Hour)
	restrict(t, d, -59*time.Minute) // over, but not for an hour
	for _, tt := range []struct{ role, before, statement string }{
		{"chancery_owner", "", `DELETE FROM coherence.restriction_log WHERE keep_until > now()`},
		{"chancery_owner", "", `DELETE FROM coherence.restriction_log WHERE keep_until < now()`},
		{"chancery_owner", "", `UPDATE coherence.restriction_log SET version = version`},
		{"chancery_owner", "", `TRUNCATE coherence.restriction_log`},
		{superuser, "", `DELETE FROM coherence.restriction_log WHERE keep_until > now()`},
		{superuser, `SET session_replication_role = replica`, `DELETE FROM coherence.restriction_log WHERE keep_until > now()`},
		{superuser, `SET session_replication_role = replica`, `UPDATE coherence.restriction_log SET version = version`},
		{superuser, `SET session_replication_role = replica`, `TRUNCATE coherence.restriction_log`},
	} {
		conn := d.connect(t, tt.role)
		if _, err := conn.Exec(t.Context(), tt.before); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), tt.statement); code(err) != insufficientPrivilege {
			t.Errorf("%s: %s: error %v, want that it is refused", tt.role, tt.statement, err)
		}
	}

	restrict(t, d, -61*time.Minute)
	gone, err := d.connect(t, "chancery_owner").Exec(t.Context(), `DELETE FROM coherence.restriction_log WHERE keep_until < now() - interval '1 hour'`)
	if err != nil || gone.RowsAffected() != 1 {
		t.Errorf("%d rows that had run out are deleted, %v, want 1", gone.RowsAffected(), err)
	}
}

func TestN326_TheRegistrySweepsWhatHasRunOutAndNothingElse(t *testing.T) {
	d := newDatabase(t)
	restrict(t, d, time.Hour)
	restrict(t, d, -59*time.Minute)
	restrict(t, d, -61*time.Minute)
	db, err := pg.Open(t.Context(), d.as(t, "chancery_registry"), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if gone, err := sweeptest.All(t.Context(), coherentdb.Sweeps(database.Postgres(db))...); gone != 1 || err != nil {
		t.Errorf("Sweep() = %d, %v, want 1", gone, err)
	}
	if left := list(t, d.connect(t, superuser), `SELECT id::text FROM coherence.restriction_log`); len(left) != 2 {
		t.Errorf("%d rows are left, want 2", len(left))
	}
}

func TestN326_AnEventInTheOutboxIsNotChanged(t *testing.T) {
	d := newDatabase(t)
	d.exec(t, "chancery_token", `INSERT INTO event.outbox (id, event_time, type, event, traceparent)
		VALUES (gen_random_uuid(), now(), 'grant.revoked', '', '')`)
	for _, tt := range []struct{ role, statement string }{
		{"chancery_registry", `UPDATE event.outbox SET traceparent = 'x'`},
		{"chancery_owner", `UPDATE event.outbox SET event = 'x'`},
		{"chancery_owner", `TRUNCATE event.outbox`},
	} {
		if err := attempt(t, d.connect(t, tt.role), tt.statement); code(err) != insufficientPrivilege {
			t.Errorf("%s: %s: error %v, want that it is refused", tt.role, tt.statement, err)
		}
	}
}
