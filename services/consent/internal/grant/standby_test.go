package grant_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
	"github.com/chancery-auth/chancery/services/consent/internal/migrations"
)

// Whoever was told that the outcome is unknown repeats the revocation. Success
// then says that the standby has it, since only the commit of a write waits.
func TestN188_RepeatedRevocationWrites(t *testing.T) {
	db := pgtest.New(t, coherence.Set(), events.Set(), migrations.Set())
	store := grant.NewStore(database.Postgres(db), time.Hour)
	g, _, err := store.Record(t.Context(), grant.Decision{
		NewID: uuid.New(), ClientID: "c", Sub: "s",
		Change: func(before grant.Stored) grant.After {
			before.Version = 1
			return grant.After{Grant: before.Grant, Former: grant.Former{Scope: oauth.Scope{"a"}}}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var writers [2]string
	for i := range writers {
		if _, err := store.Revoke(t.Context(), g.ID, "s", grant.ReasonWithdrawn); err != nil {
			t.Fatal(err)
		}
		if err := db.QueryRow(t.Context(), `SELECT xmin::text FROM consent.grant WHERE id = $1`, g.ID).Scan(&writers[i]); err != nil {
			t.Fatal(err)
		}
	}
	if writers[0] == writers[1] {
		t.Error("the second Revoke() wrote nothing, so that its commit waits for nobody")
	}
}
