package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/store"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry"
)

// audited serves a registry with an audit log, and returns the data folder that
// leads to it.
func audited(t *testing.T, events ...event.Event) (dir string) {
	t.Helper()
	db := databasetest.SQLite(t, store.AllSets()...)
	write(t, db, events...)
	data := folder.Folder{Data: t.TempDir()}
	credential, err := data.OpenCredential()
	if err != nil {
		t.Fatal(err)
	}
	writeInfo(t, data, folder.Server{GRPC: serveRegistry(t, registry.NewStores(db), credential)})
	return data.Data
}

func write(t *testing.T, db *database.DB, events ...event.Event) {
	t.Helper()
	err := db.InTx(t.Context(), func(tx *database.Tx) error { return eventdb.Append(t.Context(), tx, events...) })
	if err != nil {
		t.Fatal(err)
	}
}

func writeInfo(t *testing.T, data folder.Folder, info folder.Server) {
	t.Helper()
	content, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(data.ServerFile(), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func serveRegistry(t *testing.T, stores registry.Stores, credential secret.Secret) (address string) {
	t.Helper()
	server, err := grpcserve.NewServer(grpcserve.Options{
		Log: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""), Identify: folder.IdentifyAdmin(credential),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	registry.New(registry.Config{Preset: preset.Default()}, registry.Deps{Stores: stores, Now: time.Now}).Register(server)
	var config net.ListenConfig
	lis, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Serve(ctx, lis); err != nil {
			t.Errorf("Serve() = %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return lis.Addr().String()
}

func TestAuditListIsAContract(t *testing.T) {
	grant := eventtest.Whole()
	grant.Type = event.GrantRevoked
	dir := audited(t, event.Event{Type: event.ClientCreated, ClientID: grant.ClientID}, event.Event{Type: event.KeyCreated}, grant)
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"all, newest first", nil, []string{"grant.revoked", "key.created", "client.created"}},
		{"of a type", []string{"--type", "grant"}, []string{"grant.revoked"}},
		{"of a client", []string{"--client", grant.ClientID}, []string{"grant.revoked", "client.created"}},
		{"of a user", []string{"--sub", grant.Sub}, []string{"grant.revoked"}},
		{"of the last hour", []string{"--since", "1h"}, []string{"grant.revoked", "key.created", "client.created"}},
		{"since a time to come", []string{"--since", "9999-01-01T00:00:00Z"}, []string{}},
		{"no more than two", []string{"--limit", "2"}, []string{"grant.revoked", "key.created"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errOut := command(t, append([]string{"audit", "list", "--data", dir, "--json"}, tt.args...)...)
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, errOut)
			}
			var answer struct{ Records []struct{ Type string } }
			if err := json.Unmarshal([]byte(out), &answer); err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, r := range answer.Records {
				got = append(got, r.Type)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("types (-want +got):\n%s", diff)
			}
		})
	}
	_, out, _ := command(t, "audit", "list", "--data", dir, "--limit", "1")
	for _, want := range []string{"TYPE", "grant.revoked", "grant=" + grant.GrantID.String(), "reason=reuse"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %s:\n%s", want, out)
		}
	}
}

func TestAuditListFollowsPages(t *testing.T) {
	const page = 200 // of one answer
	dir := audited(t, many(event.KeyCreated, 2*page+1)...)
	for limit, want := range map[string]int{"1000": 2*page + 1, "401": 401, "201": 201, "1": 1} {
		_, out, errOut := command(t, "audit", "list", "--data", dir, "--json", "--limit", limit)
		if got := strings.Count(out, `"key.created"`); got != want {
			t.Errorf("--limit %s: %d records, want %d; %s", limit, got, want, errOut)
		}
	}
}

func many(kind event.Type, n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i].Type = kind
	}
	return events
}

func TestAuditListRefusesWhatItCannotRead(t *testing.T) {
	for _, args := range [][]string{
		{"--since", "yesterday"}, {"--since", "-1h"}, {"--since", "0s"}, {"--limit", "0"}, {"--limit", "-1"},
	} {
		if code, _, errOut := command(t, append([]string{"audit", "list", "--data", t.TempDir()}, args...)...); code != exitUsage {
			t.Errorf("%v: exit code %d, want %d; %s", args, code, exitUsage, errOut)
		}
	}
}

// lines is what a command that runs prints.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestEventsTailPrintsWhatIsPublished(t *testing.T) {
	server := eventtest.NewServer(t)
	db := databasetest.SQLite(t, store.AllSets()...)
	grant := eventtest.Whole()
	grant.Type = event.GrantRevoked
	write(t, db, grant, event.Event{Type: event.KeyCreated})
	publisher, err := event.NewPublisher(server.Connect(t), event.StreamOptions{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eventdb.NewOutbox(db).Relay(t.Context(), 10, publisher.Publish); err != nil {
		t.Fatal(err)
	}
	data := folder.Folder{Data: t.TempDir()}
	password := filepath.Join(data.Data, "password")
	if err := os.WriteFile(password, []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	writeInfo(t, data, folder.Server{NATS: server.URL(), NATSUser: "x", NATSPasswordFile: password})
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"lines", []string{"--data", data.Data}, "grant.revoked"},
		{"JSON", []string{"--data", data.Data, "--json"}, `"type":"grant.revoked"`},
		{"another server", []string{"--nats", server.URL()}, "grant=" + grant.GrantID.String()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, interrupt := context.WithTimeout(t.Context(), 10*time.Second)
			defer interrupt()
			var out, errOut lines
			ended := make(chan int, 1)
			go func() {
				args := append([]string{"events", "tail", "--from-start", "--type", "grant"}, tt.args...)
				ended <- run(ctx, args, terminal.Streams{In: strings.NewReader(""), Out: &out, Err: &errOut})
			}()
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for !strings.Contains(out.String(), tt.want) && ctx.Err() == nil {
				<-tick.C
			}
			interrupt()
			if code := <-ended; code != 0 || !strings.Contains(out.String(), tt.want) || strings.Contains(out.String(), "key.created") {
				t.Errorf("exit code %d, printed %q, %q", code, out.String(), errOut.String())
			}
		})
	}
	if code, _, _ := command(t, "events", "tail", "--nats", server.URL(), "--type", "grant.>"); code != exitFailed {
		t.Errorf("exit code %d for a type that is none, want %d", code, exitFailed)
	}
}
