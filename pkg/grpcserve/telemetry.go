package grpcserve

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

// telemetry opens a span for the call, in the trace of its caller, and tells who
// observes how it ended. Neither holds a part of a request.
func telemetry(o Options) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if !trace.SpanContextFromContext(ctx).IsValid() {
			ctx = propagation.TraceContext{}.Extract(ctx, incoming{ctx})
		}
		ctx, span := o.Tracer.Start(ctx, info.FullMethod, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		// Until the call has ended otherwise, it has panicked.
		code := codes.Internal.String()
		if o.Observe != nil && o.Now != nil {
			start := o.Now()
			defer func() { o.Observe(ctx, info.FullMethod, code, o.Now().Sub(start)) }()
		}
		resp, err := handler(ctx, req)
		code = codeOf(err)
		return resp, err
	}
}

// codeOf is the OAuth error code that err has on the wire, or the name of its
// gRPC code.
func codeOf(err error) string {
	st := status.Convert(err)
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == rpcerr.OAuthDomain {
			return strings.ToLower(info.GetReason())
		}
	}
	return st.Code().String()
}

// incoming reads the headers of W3C Trace Context from a call's metadata.
type incoming struct{ ctx context.Context }

// Get implements propagation.TextMapCarrier.
func (i incoming) Get(key string) string {
	if values := metadata.ValueFromIncomingContext(i.ctx, key); len(values) == 1 {
		return values[0]
	}
	return ""
}

// Set implements propagation.TextMapCarrier. Nothing is ever set.
func (incoming) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (incoming) Keys() []string { return []string{"traceparent", "tracestate"} }

// outgoing writes them into the metadata of a call.
type outgoing metadata.MD

// Get implements propagation.TextMapCarrier. Nothing is ever read.
func (outgoing) Get(string) string { return "" }

// Set implements propagation.TextMapCarrier.
func (o outgoing) Set(key, value string) { metadata.MD(o).Set(key, value) }

// Keys implements propagation.TextMapCarrier.
func (outgoing) Keys() []string { return nil }
