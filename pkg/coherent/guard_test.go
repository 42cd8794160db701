package coherent_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// Only a superuser gets past the guards of the log, and not unnoticed, even if
// they are back in the same transaction.
func TestN326_ADeletedLiveRestrictionIsWrittenBack(t *testing.T) {
	url := pgtest.URL(t, migrations.Set())
	db := open(t, url)
	replicas := make([]*node, 2)
	for i := range replicas {
		replicas[i] = &node{Replica: coherent.New(newSource(t, url), coherent.NewState(0), options())}
		run(t, replicas[i].Run)
	}
	grant := uuid.New()
	err := database.Postgres(db).InTx(t.Context(), func(tx *database.Tx) error {
		return coherentdb.Append(t.Context(), tx, keep, coherent.Grant(grant, 1))
	})
	if err != nil {
		t.Fatal(err)
	}
	seenBy(t, grant, replicas...)
	if n := replicas[0].Stats().IdentityChanges; n != 0 {
		t.Errorf("the identity has changed %d times before anything was done", n)
	}

	deletePastTheGuards(t, db)
	eventually(t, "the restriction is written back", func() bool {
		b, err := coherenttest.Load(t.Context(), newSource(t, url))
		if err != nil {
			t.Fatal(err)
		}
		state := coherent.NewState(0)
		for _, e := range b.Entries {
			state.Join(e.KeepUntil, e.Restriction)
		}
		return state.GrantEpoch(grant) == 1
	})
	for i, n := range replicas {
		if active, err := n.asks(t, grant); active || err != nil {
			t.Errorf("replica %d says active = %t, %v", i, active, err)
		}
	}
}

func deletePastTheGuards(t *testing.T, db *pgxpool.Pool) {
	t.Helper()
	err := database.Postgres(db).InTx(t.Context(), func(tx *database.Tx) error {
		for _, statement := range []string{
			`ALTER TABLE coherence.restriction_log DISABLE TRIGGER restriction_log_no_early_delete`,
			`DELETE FROM coherence.restriction_log`,
			`ALTER TABLE coherence.restriction_log ENABLE ALWAYS TRIGGER restriction_log_no_early_delete`,
		} {
			if _, err := tx.Exec(t.Context(), statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
