package edge

import (
	"context"
	"net/http"
	"net/netip"

	"go.opentelemetry.io/otel/propagation"
)

// maxTraceBytes bounds the trace headers that a proxy may hand on.
const maxTraceBytes = 512

// traceContext is the context that the request's span starts in. The trace of a
// trusted proxy goes on; anybody else's starts here, and baggage is never taken:
// it is the sender's data, and would be in every log and call behind.
func (e *Edge) traceContext(r *http.Request, peer netip.Addr) context.Context {
	size := len(r.Header.Get("Traceparent")) + len(r.Header.Get("Tracestate"))
	if size > maxTraceBytes || !e.trusts(peer) {
		return r.Context()
	}
	return propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
}
