package eventtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/fault"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

func listHasPages(t *testing.T, d Database) {
	for range 3 {
		// Several at one instant, and several instants.
		Write(t, d, Whole(), Whole(), Whole())
	}
	for _, size := range []int{1, 2, 4, 9} {
		want := listed(t, d, event.Filter{})
		if !slices.IsSortedFunc(want, newestFirst) {
			t.Errorf("%v is not newest first", want)
		}
		if diff := cmp.Diff(want, paged(t, d, size), protocmp.Transform()); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, diff)
		}
	}
	var invalid *fault.Error
	if _, _, err := event.List(t.Context(), d.Log, event.Filter{}, 1, "x"); !errors.As(err, &invalid) {
		t.Errorf("List() with a token that is none = %v", err)
	}
}

func newestFirst(a, b *eventv1.Event) int {
	return b.GetEventTime().AsTime().Compare(a.GetEventTime().AsTime())
}

// paged reads the list in pages, while it grows.
func paged(t *testing.T, d Database, size int) (all []*eventv1.Event) {
	t.Helper()
	for token := ""; ; {
		events, next, err := event.List(t.Context(), d.Log, event.Filter{}, size, token)
		if err != nil {
			t.Fatal(err)
		}
		Write(t, d, Whole()) // newer than the first page, so on no other
		all = append(all, events...)
		if token = next; token == "" {
			return all
		}
	}
}

func filtersNarrow(t *testing.T, d Database) {
	for _, e := range []event.Event{
		{Type: event.ClientCreated, ClientID: "c1"},
		{Type: event.ClientSecretCreated, ClientID: "c1"},
		{Type: event.GrantRecorded, ClientID: "c1", Sub: "s1"},
		{Type: event.GrantRevoked, ClientID: "c2", Sub: "s1"},
		{Type: event.SignInFailed},
	} {
		Write(t, d, e)
	}
	third := listed(t, d, event.Filter{})[2]
	for _, tt := range []struct {
		name   string
		filter event.Filter
		want   []string
	}{
		{"nothing", event.Filter{}, []string{"sign_in.failed", "grant.revoked", "grant.recorded", "client_secret.created", "client.created"}},
		{"a type", event.Filter{Type: "grant.revoked"}, []string{"grant.revoked"}},
		{"its first word", event.Filter{Type: "grant"}, []string{"grant.revoked", "grant.recorded"}},
		{"a word that begins another", event.Filter{Type: "client"}, []string{"client.created"}},
		{"half a word", event.Filter{Type: "gran"}, nil},
		{"a pattern", event.Filter{Type: "%"}, nil},
		{"a client", event.Filter{ClientID: "c1"}, []string{"grant.recorded", "client_secret.created", "client.created"}},
		{"a client in another case", event.Filter{ClientID: "C1"}, nil},
		{"a subject", event.Filter{Sub: "s1"}, []string{"grant.revoked", "grant.recorded"}},
		{"subject and client", event.Filter{Sub: "s1", ClientID: "c1"}, []string{"grant.recorded"}},
		{"client and type", event.Filter{ClientID: "c1", Type: "grant"}, []string{"grant.recorded"}},
		{"subject and type", event.Filter{Sub: "s1", Type: "grant.revoked"}, []string{"grant.revoked"}},
		{"a name with NUL", event.Filter{Sub: "s1\x00"}, nil},
		{"from an instant on", event.Filter{Since: third.GetEventTime().AsTime()}, []string{"sign_in.failed", "grant.revoked", "grant.recorded"}},
		{"after it", event.Filter{Since: third.GetEventTime().AsTime().Add(time.Microsecond), Type: "grant.recorded"}, nil},
		{"from far in the future on", event.Filter{Since: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, e := range listed(t, d, tt.filter) {
				got = append(got, e.GetType())
			}
			// SQLite's clock has milliseconds: several may be at one instant.
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" && tt.filter.Since.IsZero() {
				t.Errorf("types (-want +got):\n%s", diff)
			} else if !containsAll(got, tt.want) {
				t.Errorf("types %v, want at least %v", got, tt.want)
			}
		})
	}
}

func containsAll(got, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(got, w) })
}

func relayInOrder(t *testing.T, d Database) {
	for range 5 {
		Write(t, d, Whole())
	}
	all := waiting(t, d)
	for _, want := range [][]event.Record{all[:2], all[2:4], all[4:], nil} {
		var got []event.Record
		n, err := d.Outbox.Relay(t.Context(), 2, func(_ context.Context, r []event.Record) error {
			got = r
			return nil
		})
		if err != nil || n != len(want) {
			t.Errorf("Relay() = %d, %v, want %d", n, err, len(want))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("records (-want +got):\n%s", diff)
		}
	}
	if len(listed(t, d, event.Filter{})) != 5 {
		t.Error("what is published is gone from the audit log")
	}
}

func failedRelayKeeps(t *testing.T, d Database) {
	Write(t, d, Whole())
	refused := errors.New("refused")
	for range 2 {
		n, err := d.Outbox.Relay(t.Context(), 10, func(context.Context, []event.Record) error { return refused })
		if n != 0 || !errors.Is(err, refused) {
			t.Errorf("Relay() = %d, %v, want %v", n, err, refused)
		}
	}
	if len(waiting(t, d)) != 1 {
		t.Error("the event is gone")
	}
}

func lag(t *testing.T, d Database) {
	if pending, oldest, err := d.Outbox.Lag(t.Context()); pending != 0 || oldest != 0 || err != nil {
		t.Errorf("Lag() of an empty outbox = %d, %v, %v", pending, oldest, err)
	}
	Write(t, d, Whole(), Whole())
	if err := d.Execute(t.Context(), d.Delayed); err != nil {
		t.Fatal(err)
	}
	pending, oldest, err := d.Outbox.Lag(t.Context())
	if pending != 2 || oldest < time.Hour || oldest > time.Hour+time.Minute || err != nil {
		t.Errorf("Lag() = %d, %v, %v, want 2 and an hour", pending, oldest, err)
	}
}
