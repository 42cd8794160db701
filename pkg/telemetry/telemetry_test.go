package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// N251: whatever a value holds, it is one JSON line of bounded length.
func TestN251_OneLineWhateverTheInput(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelInfo)
	log.InfoContext(t.Context(), "request", slog.String("client_id", "a\r\n{\"level\":\"error\"}\u2028\x1b[31m"+strings.Repeat("x", 1<<20)))
	if lines := strings.Count(out.String(), "\n"); lines != 1 || strings.ContainsAny(out.String(), "\r\u2028\x1b") {
		t.Errorf("%d lines, or a raw control character: %.200q", lines, out.String())
	}
	if out.Len() > 4096 {
		t.Errorf("line of %d bytes", out.Len())
	}
}

func TestLinesCarryTheTrace(t *testing.T) {
	provider := telemetry.NewTracerProvider()
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	ctx, span := provider.Tracer("test").Start(t.Context(), "call")
	defer span.End()

	var out bytes.Buffer
	telemetry.NewLogger(&out, slog.LevelInfo).With(slog.String("service", "token")).InfoContext(ctx, "x")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if got, want := line["trace_id"], span.SpanContext().TraceID().String(); got != want || line["service"] != "token" {
		t.Errorf("trace_id = %v, want %v in %v", got, want, line)
	}
}
