package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry"
)

// audited is a registry whose audit log has two grants of s1, and a client.
func audited(t *testing.T) fixture {
	t.Helper()
	db := databasetest.SQLite(t, coherence.Set(), events.Set(), registry.Migrations())
	for _, e := range []event.Event{
		{Type: event.ClientCreated, ClientID: "c1"},
		{Type: event.GrantRecorded, ClientID: "c1", Sub: "s1"},
		{Type: event.GrantRevoked, ClientID: "c2", Sub: "s1"},
	} {
		err := db.InTx(t.Context(), func(tx *database.Tx) error { return eventdb.Append(t.Context(), tx, e) })
		if err != nil {
			t.Fatal(err)
		}
	}
	return newFixture(t, registry.NewStores(db))
}

func TestAuditRecordsAreFiltered(t *testing.T) {
	f := audited(t)
	for _, tt := range []struct {
		name string
		req  *registryv1.ListAuditRecordsRequest
		want []string
	}{
		{"all", &registryv1.ListAuditRecordsRequest{}, []string{"grant.revoked", "grant.recorded", "client.created"}},
		{"of a type", &registryv1.ListAuditRecordsRequest{Type: "grant"}, []string{"grant.revoked", "grant.recorded"}},
		{"of a client", &registryv1.ListAuditRecordsRequest{ClientId: "c1"}, []string{"grant.recorded", "client.created"}},
		{"of a subject", &registryv1.ListAuditRecordsRequest{Sub: "s1"}, []string{"grant.revoked", "grant.recorded"}},
		{
			"since long ago",
			&registryv1.ListAuditRecordsRequest{Since: timestamppb.New(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))},
			[]string{"grant.revoked", "grant.recorded", "client.created"},
		},
		{"since far in the future", &registryv1.ListAuditRecordsRequest{Since: timestamppb.New(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := f.admin.ListAuditRecords(t.Context(), tt.req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, types(resp)); diff != "" || resp.GetNextPageToken() != "" {
				t.Errorf("ListAuditRecords() (-want +got):\n%s", diff)
			}
		})
	}
}

func types(resp *registryv1.ListAuditRecordsResponse) (list []string) {
	for _, e := range resp.GetRecords() {
		list = append(list, e.GetType())
	}
	return list
}

func TestAuditRecordsComeInPages(t *testing.T) {
	f := audited(t)
	var got []string
	for token := ""; ; {
		resp, err := f.admin.ListAuditRecords(t.Context(), &registryv1.ListAuditRecordsRequest{PageSize: 2, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, types(resp)...)
		if token = resp.GetNextPageToken(); token == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"grant.revoked", "grant.recorded", "client.created"}, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

func TestAuditRecordsAreRefused(t *testing.T) {
	f := audited(t)
	admin := f.admin.ListAuditRecords
	for _, tt := range []struct {
		name string
		call func(context.Context) error
		want fault.Kind
	}{
		{"to the gateway", func(ctx context.Context) error {
			_, err := f.gateway.ListAuditRecords(ctx, &registryv1.ListAuditRecordsRequest{})
			return err
		}, fault.Denied},
		{"for a page token that is none", func(ctx context.Context) error {
			_, err := admin(ctx, &registryv1.ListAuditRecordsRequest{PageToken: "x"})
			return err
		}, fault.Invalid},
		{"for a time that is none", func(ctx context.Context) error {
			_, err := admin(ctx, &registryv1.ListAuditRecordsRequest{Since: &timestamppb.Timestamp{Seconds: 1 << 60}})
			return err
		}, fault.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got *fault.Error
			if err := tt.call(t.Context()); !errors.As(err, &got) || got.Kind != tt.want {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
		})
	}
}
