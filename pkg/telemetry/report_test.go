package telemetry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// scripted is an exporter that fails as told.
type scripted struct {
	sdktrace.SpanExporter
	err error
}

func (s *scripted) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return s.err }

// The log tells of each change, and not of each batch.
func TestCollectorIsReportedOnceEachWay(t *testing.T) {
	var log bytes.Buffer
	exporter := &scripted{}
	r := &reporting{SpanExporter: exporter, log: slog.New(slog.NewJSONHandler(&log, nil))}
	away := errors.New("connection refused")
	for _, step := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{away, "dropped"},
		{away, ""},
		{nil, "again"},
		{nil, ""},
		{away, "dropped"},
	} {
		log.Reset()
		exporter.err = step.err
		if err := r.ExportSpans(t.Context(), nil); err != nil {
			t.Errorf("ExportSpans() = %v", err)
		}
		if got := log.String(); (got == "") != (step.want == "") || !strings.Contains(got, step.want) {
			t.Errorf("after %v the log has %q, want %q", step.err, got, step.want)
		}
	}
}
