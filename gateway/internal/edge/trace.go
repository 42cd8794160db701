package edge

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// maxTraceBytes bounds the trace headers that a proxy may hand on.
const maxTraceBytes = 512

// startSpan opens the span of a request. The trace of a trusted proxy goes on;
// anybody else's starts here, and baggage is never taken: it is the sender's
// data, and would be in every log and call behind.
func (e *Edge) startSpan(r *http.Request, route *Route, trusted bool) (context.Context, trace.Span) {
	ctx := r.Context()
	if tracesOn(r, trusted) {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	return e.Tracer.Start(ctx, "HTTP "+route.Path, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.route", route.Path)))
}

func tracesOn(r *http.Request, trusted bool) bool {
	return trusted && len(r.Header.Get("Traceparent"))+len(r.Header.Get("Tracestate")) <= maxTraceBytes
}
