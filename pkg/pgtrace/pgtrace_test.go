package pgtrace_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/pgtrace"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// canary is what no span may hold.
const canary = "canary-7f3a"

// sink is a collector that keeps spans as text.
type sink struct {
	collector.UnimplementedTraceServiceServer
	mu   sync.Mutex
	text strings.Builder
}

func (s *sink) Export(_ context.Context, req *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.text.WriteString(req.String())
	return &collector.ExportTraceServiceResponse{}, nil
}

// N252: a statement is in a span, and what it is about is not, even where
// Postgres or the driver says it in an error.
func TestN252_SpansHaveNoArguments(t *testing.T) {
	var s sink
	tel := tracing(t, &s)
	pool := tracedPool(t, tel)
	ctx, span := tel.Tracer().Start(t.Context(), "call")
	var found string
	if err := pool.QueryRow(ctx, "SELECT $1::text AS spoken", canary).Scan(&found); err != nil || found != canary {
		t.Fatalf("query = %q, %v", found, err)
	}
	for _, statement := range []string{
		"SELECT $1::text::uuid",  // refused by Postgres, which repeats the value
		"SELECT $1::int4 + 1234", // refused by the driver, which repeats the value
	} {
		if _, err := pool.Exec(ctx, statement, canary); err == nil || !strings.Contains(err.Error(), canary) {
			t.Fatalf("%s = %v, want an error that repeats its argument", statement, err)
		}
	}
	batch := &pgx.Batch{}
	batch.Queue("SELECT $1::text::uuid", canary)
	if err := pool.SendBatch(ctx, batch).Close(); err == nil {
		t.Fatal("batch succeeded")
	}
	if err := pool.QueryRow(ctx, "SELECT 'nobody' WHERE false").Scan(&found); !errors.Is(err, pgx.ErrNoRows) {
		t.Fatalf("query = %v", err)
	}
	span.End()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := s.text.String()
	for _, want := range []string{"SELECT $1::text AS spoken", "SELECT $1::int4 + 1234", "22P02"} {
		if !strings.Contains(text, want) {
			t.Errorf("spans lack %q", want)
		}
	}
	if i := strings.Index(text, canary); i >= 0 {
		t.Errorf("a span holds an argument: …%s…", text[max(0, i-200):i+len(canary)])
	}
}

// What runs outside of a trace, such as polls, leaves no span.
func TestStatementsOutsideOfATraceLeaveNoSpan(t *testing.T) {
	var s sink
	tel := tracing(t, &s)
	pool := tracedPool(t, tel)
	if _, err := pool.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text := s.text.String(); text != "" {
		t.Errorf("spans: %s", text)
	}
}

func tracing(t *testing.T, s *sink) *telemetry.Telemetry {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, s)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	tel, err := telemetry.Setup(t.Context(), telemetry.Options{
		Service: "token", OTLP: listener.Addr().String(), OTLPInsecure: true, SampleRatio: 1,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Unix(0, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(context.WithoutCancel(t.Context())) })
	return tel
}

func tracedPool(t *testing.T, tel *telemetry.Telemetry) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Tracer = pgtrace.QueryTracer(tel)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}
