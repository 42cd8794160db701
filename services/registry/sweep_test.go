package registry_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/pkg/sweep"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry"
)

// aging makes a client older.
type aging func(ctx context.Context, clientID string, by time.Duration) error

func TestN206_RegistrationsThatNobodyUsesGo(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		db := sqlitetest.New(t, coherence.Set(), events.Set(), registry.Migrations())
		unusedGo(t, newSelfService(t, preset.RegistrationOpen, registry.NewStores(database.SQLite(db))), func(ctx context.Context, id string, by time.Duration) error {
			_, err := db.Write().ExecContext(ctx, `UPDATE registry_client SET create_time = create_time - ? WHERE client_id = ?`, by.Microseconds(), id)
			return err
		})
	})
	t.Run("Postgres", func(t *testing.T) {
		db := pgtest.New(t, coherence.Set(), events.Set(), registry.Migrations())
		unusedGo(t, newSelfService(t, preset.RegistrationOpen, registry.NewStores(database.Postgres(db))), func(ctx context.Context, id string, by time.Duration) error {
			_, err := db.Exec(ctx, `UPDATE registry.client SET create_time = create_time - $1 * interval '1 microsecond' WHERE client_id = $2`, by.Microseconds(), id)
			return err
		})
	})
}

func unusedGo(t *testing.T, s selfService, age aging) {
	t.Helper()
	registered := func(by time.Duration) *registryv1.RegisterClientResponse {
		t.Helper()
		resp := s.register(t, everyMember())
		if err := age(t.Context(), resp.GetClient().GetClientId(), by); err != nil {
			t.Fatal(err)
		}
		return resp
	}
	// One more than go at once, of which young is none.
	var unused []string
	for range 101 {
		unused = append(unused, registered(month).GetClient().GetClientId())
	}
	young, used := registered(month-time.Hour), registered(2*month)
	_, err := s.token.AuthenticateClient(t.Context(), &registryv1.AuthenticateClientRequest{
		ClientId: used.GetClient().GetClientId(), Method: "client_secret_post", ClientSecret: used.GetClientSecret(),
	})
	if err != nil {
		t.Fatal(err)
	}
	operators, err := s.admin.CreateClient(t.Context(), &registryv1.CreateClientRequest{Client: &registryv1.Client{ClientName: "Of operators"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := age(t.Context(), operators.GetClient().GetClientId(), month); err != nil {
		t.Fatal(err)
	}
	sweeps := s.service.Sweeps()
	i := slices.IndexFunc(sweeps, func(each sweep.Table) bool { return each.Name == "registry.client" })
	for _, want := range []int{1, 0} {
		batch, err := sweeps[i].Delete(t.Context(), time.Time{}, 1000)
		if err != nil || batch.More != (want > 0) {
			t.Fatalf("Delete() = %+v, %v", batch, err)
		}
		if left := s.found(t, unused); left != want {
			t.Errorf("%d clients are left, want %d", left, want)
		}
	}
	kept := []string{young.GetClient().GetClientId(), used.GetClient().GetClientId(), operators.GetClient().GetClientId()}
	if left := s.found(t, kept); left != len(kept) {
		t.Errorf("%d of %d others are left", left, len(kept))
	}
	if n := s.deletions(t); n != len(unused) {
		t.Errorf("%d deletions are recorded, want %d", n, len(unused))
	}
}

// found counts the clients that there are.
func (s selfService) found(t *testing.T, clientIDs []string) (n int) {
	t.Helper()
	for _, id := range clientIDs {
		_, err := s.gateway.GetClient(t.Context(), &registryv1.GetClientRequest{ClientId: id})
		switch {
		case err == nil:
			n++
		case !errors.Is(err, fault.NotFound):
			t.Fatalf("GetClient() = %v", err)
		}
	}
	return n
}

// deletions counts the clients that the audit log says have been deleted.
func (s selfService) deletions(t *testing.T) (n int) {
	t.Helper()
	resp, err := s.admin.ListAuditRecords(t.Context(), &registryv1.ListAuditRecordsRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resp.GetRecords() {
		if r.GetType() == "client.deleted" {
			n++
		}
	}
	return n
}
