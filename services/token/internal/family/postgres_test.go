package family_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/migrations"
)

// A successor that only the primary knows of would be taken for a reused token
// by the standby that replaces it, and end the grant.
func TestN133_UnwaitedRotationIsNotAcknowledged(t *testing.T) {
	db := pgtest.New(t, coherence.Set(), events.Set(), migrations.Set())
	f := family.Family{
		ID: uuid.New(), GrantID: uuid.New(), ClientID: "c", Sub: "s", SubjectVersion: 1, Scope: oauth.Scope{"a"},
		AuthTime: time.Unix(0, 0), KeyID: 1, Lifetime: time.Hour, AbsoluteLifetime: time.Hour,
	}
	err := database.Postgres(db).InTx(t.Context(), func(tx *database.Tx) error {
		_, err := family.Insert(t.Context(), tx, f, 1, time.Hour)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// The warning stands for that of a commit that no standby confirmed.
	_, err = db.Exec(t.Context(), `
		CREATE FUNCTION token.warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'not waited for'; RETURN NULL; END $$;
		CREATE TRIGGER warn AFTER UPDATE ON token.family FOR EACH ROW EXECUTE FUNCTION token.warn()`)
	if err != nil {
		t.Fatal(err)
	}
	for _, rotation := range []family.Rotation{family.Never, family.Always} {
		p := family.Presented{FamilyID: f.ID}
		_, _, err := family.NewStore(database.Postgres(db), time.Hour).Present(t.Context(), p, family.Policy{Rotation: rotation}, 1)
		if !errors.Is(err, pg.ErrUnknownOutcome) {
			t.Errorf("%s: Present() = %v, want %v", rotation, err, pg.ErrUnknownOutcome)
		}
	}
}
