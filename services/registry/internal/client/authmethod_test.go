package client_test

import (
	"testing"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

// A secret that was of no use to a client does not come to life by a change of its
// methods: taking them away has ended it.
func TestN102_OnlySecretsInUseOutliveAChangeOfMethods(t *testing.T) {
	for _, tt := range []struct {
		name string
		was  string // what the method is set to, as another program does
		want int
	}{
		{"in use", oauth.AuthClientSecretPost, 1},
		{"left behind", oauth.AuthNone, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
			r := registrarOn(db)
			c, _ := create(t, r, web())
			if _, err := db.Write().ExecContext(t.Context(), `UPDATE registry_client SET token_endpoint_auth_method = ?`, tt.was); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Update(t.Context(), c); err != nil {
				t.Fatalf("Update() = %v", err)
			}
			left, err := clientsecret.NewStore(database.SQLite(db), preset.RestrictionKeep).List(t.Context(), c.ClientID)
			if err != nil || len(left) != tt.want {
				t.Errorf("%d secrets are left, %v, want %d", len(left), err, tt.want)
			}
		})
	}
}
