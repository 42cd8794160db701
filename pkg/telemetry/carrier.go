package telemetry

import (
	"context"
	"maps"
	"slices"

	"go.opentelemetry.io/otel/propagation"
)

// Inject writes the trace of ctx into the header of a message of NATS, in the
// form of W3C Trace Context. header must not be nil.
func Inject(ctx context.Context, header map[string][]string) {
	propagation.TraceContext{}.Inject(ctx, carrier(header))
}

// Extract returns ctx in the trace that the header of a message of NATS names.
// Without one, or with one that is malformed, it is ctx.
func Extract(ctx context.Context, header map[string][]string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, carrier(header))
}

// carrier is a nats.Header, whose names have a case.
type carrier map[string][]string

// Get implements propagation.TextMapCarrier.
func (c carrier) Get(key string) string {
	if values := c[key]; len(values) == 1 {
		return values[0]
	}
	return ""
}

// Set implements propagation.TextMapCarrier.
func (c carrier) Set(key, value string) { c[key] = []string{value} }

// Keys implements propagation.TextMapCarrier.
func (c carrier) Keys() []string { return slices.Collect(maps.Keys(c)) }
