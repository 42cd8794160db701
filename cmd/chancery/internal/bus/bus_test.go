package bus

import (
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/pause"
)

// A server that does not know this process yet may know it after its next
// configuration.
func TestBusOutlivesBeingRefused(t *testing.T) {
	options := func(password string) *server.Options {
		return &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, Username: "u", Password: password}
	}
	first := options("other")
	s, err := server.NewServer(first)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(busTimeout) {
		t.Fatal("the server does not start")
	}
	url := "nats://u:p@" + s.Addr().String()
	nc, err := Connect(t.Context(), []string{url}, nil, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	deadline := time.Now().Add(time.Minute)
	for begin := time.Now(); time.Since(begin) < 4*busWait; {
		if nc.IsConnected() {
			t.Fatal("the server takes a wrong password")
		}
		pause.For(t.Context(), 10*time.Millisecond)
	}
	second := options("p")
	second.Port = first.Port
	if err := s.ReloadOptions(second); err != nil {
		t.Fatal(err)
	}
	for !nc.IsConnected() {
		if nc.IsClosed() || time.Now().After(deadline) {
			t.Fatalf("the connection is %v once the server takes the password", nc.Status())
		}
		pause.For(t.Context(), 10*time.Millisecond)
	}
}
