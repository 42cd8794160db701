package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// lockedBuffer is a log that may be written and read at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// sink is a collector that keeps spans.
type sink struct {
	collector.UnimplementedTraceServiceServer
	mu       sync.Mutex
	received []*spans.ResourceSpans
}

func (s *sink) Export(_ context.Context, req *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = append(s.received, req.GetResourceSpans()...)
	return &collector.ExportTraceServiceResponse{}, nil
}

// listen returns the address of a collector.
func (s *sink) listen(t *testing.T) string {
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
	return listener.Addr().String()
}

func exporting(address string, ratio float64) func(*telemetry.Options) {
	return func(o *telemetry.Options) { o.OTLP, o.OTLPInsecure, o.SampleRatio = address, true, ratio }
}

func TestSpansReachTheCollector(t *testing.T) {
	var s sink
	tel := setUp(t, exporting(s.listen(t), 1))
	_, span := tel.Tracer().Start(t.Context(), "call")
	span.End()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.received) != 1 {
		t.Fatalf("%d batches", len(s.received))
	}
	got := s.received[0]
	if name := got.GetScopeSpans()[0].GetSpans()[0].GetName(); name != "call" {
		t.Errorf("span %q", name)
	}
	attributes := map[string]string{}
	for _, a := range got.GetResource().GetAttributes() {
		attributes[a.GetKey()] = a.GetValue().GetStringValue()
	}
	if attributes["service.name"] != "token" || attributes["service.instance.id"] != "a" || attributes["service.version"] != "v1" {
		t.Errorf("resource %v", attributes)
	}
}

// A scrape leads from a bucket to a trace that was sampled, and to no other.
func TestExemplarsNameSampledTraces(t *testing.T) {
	var s sink
	exemplar := regexp.MustCompile(`chancery_rpc_duration_seconds_bucket\{[^}]*\} 1 # \{[^}]*trace_id="([0-9a-f]{32})"[^}]*\} 0\.003`)
	for name, tt := range map[string]struct {
		ratio float64
		shown bool
	}{"sampled": {1, true}, "not sampled": {0, false}} {
		t.Run(name, func(t *testing.T) {
			tel := setUp(t, exporting(s.listen(t), tt.ratio))
			ctx, span := tel.Tracer().Start(t.Context(), "call")
			tel.RPC()(ctx, exchange, "OK", 3*time.Millisecond)
			span.End()
			found := exemplar.FindStringSubmatch(scrape(t, tel, "application/openmetrics-text; version=1.0.0"))
			if (found != nil) != tt.shown {
				t.Fatalf("exemplar %q, want one: %v", found, tt.shown)
			}
			if found != nil && found[1] != span.SpanContext().TraceID().String() {
				t.Errorf("exemplar of %s, want %s", found[1], span.SpanContext().TraceID())
			}
		})
	}
}

// A collector that is away costs spans: no request waits, the log has one line.
func TestAbsentCollectorIsHarmless(t *testing.T) {
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil { // nobody listens there any more
		t.Fatal(err)
	}
	var log lockedBuffer
	o := telemetry.Options{
		Log: slog.New(slog.NewJSONHandler(&log, nil)), Now: func() time.Time { return start },
		OTLP: listener.Addr().String(), OTLPInsecure: true, SampleRatio: 1,
	}
	tel, err := telemetry.Setup(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	const many = 20_000 // far more than are kept
	patience, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for range many {
		_, span := tel.Tracer().Start(t.Context(), "call")
		span.End()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := tel.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown() = %v", err)
	}
	if patience.Err() != nil {
		t.Errorf("%d spans and the end took more than 5 s", many)
	}
	if lines := strings.Count(log.String(), "trace collector"); lines > 1 {
		t.Errorf("%d lines in the log:\n%s", lines, log.String())
	}
}

// Each poll that succeeds is one observation, and a failed one is none.
func TestPollsAreSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tel := setUp(t)
		var mu sync.Mutex
		stats := telemetry.ReplicaStats{LastPoll: 3 * time.Millisecond}
		change := func(polls, failed int64) {
			mu.Lock()
			defer mu.Unlock()
			stats.Polls, stats.FailedPolls = polls, failed
		}
		tel.ObserveReplica(func() telemetry.ReplicaStats {
			mu.Lock()
			defer mu.Unlock()
			return stats
		})
		for _, step := range []struct {
			polls, failed int64
			want          string
		}{{1, 0, "1"}, {1, 0, "1"}, {2, 1, "1"}, {3, 1, "2"}} {
			change(step.polls, step.failed)
			<-time.After(300 * time.Millisecond)
			synctest.Wait()
			if got := value(t, scrape(t, tel, "text/plain"), "chancery_poll_duration_seconds_count"); got != step.want {
				t.Errorf("after %d polls, %d failed: %s observations, want %s", step.polls, step.failed, got, step.want)
			}
		}
		// A difference of counters that goes back would look like a restart.
		change(3, 2)
		if got := value(t, scrape(t, tel, "text/plain"), `chancery_polls_total{outcome="ok"}`); got != "2" {
			t.Errorf("polls that succeeded went back to %s", got)
		}
	})
}
