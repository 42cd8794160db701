// Package telemetry is what a process says about itself: structured logs that
// carry trace ids, and the tracer that makes these.
//
// A log line is one JSON object on one line, with every value shortened to a
// bound, whatever a request held. Secrets never get here: they travel in types
// that print as "[redacted]".
package telemetry

import (
	"context"
	"io"
	"log/slog"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// maxValueBytes bounds one value of a log line.
const maxValueBytes = 2048

// NewLogger returns a logger that writes JSON lines to w, from level on. Lines
// logged with a context that has a span carry trace_id and span_id.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(traced{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: shorten})})
}

// NewTracerProvider returns a provider whose spans have ids and go nowhere. The
// caller shuts it down.
func NewTracerProvider() *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())))
}

// shorten cuts long strings, so that a request cannot flood the log.
func shorten(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindString && len(a.Value.String()) > maxValueBytes {
		a.Value = slog.StringValue(a.Value.String()[:maxValueBytes] + "…")
	}
	return a
}

// traced adds the ids of the context's span.
type traced struct{ slog.Handler }

// Handle implements slog.Handler.
func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }
