// Package grpcserve is how Chancery's services meet: one list of interceptors,
// a server that speaks gRPC, a connection to one that knows what may be repeated,
// and a connection within one process that keeps the same interceptors.
//
// The list, outermost first: recovery, telemetry, clock, errors, deadline, caller
// identity, limits, validation. A service behind it sees a caller it may trust to be
// whom the method allows, and a request whose shape has been checked.
package grpcserve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

// Options are what a chain needs from its process.
type Options struct {
	Log    *slog.Logger
	Tracer trace.Tracer
	// Deadline bounds every call, whatever its caller allows. Zero: no bound.
	Deadline time.Duration
	// Identify names the caller of a call that came over the network, who may have
	// several names; none for one that is nobody in particular. Nil: every such
	// caller is nobody.
	Identify func(context.Context) []Caller
	// Unavailable reports whether an error says that a repeat may succeed, as
	// when the database is away. Nil: only what rpcerr knows itself.
	Unavailable func(error) bool
	// Now is the clock that callers' clocks are compared with, and that durations
	// are measured by. Nil: neither is done.
	Now func() time.Time
	// Observe is told of each call that has ended: its method, the name of a gRPC
	// code or an OAuth error code, and how long it took. ctx has the call's span.
	// Nil, or without Now: nobody is.
	Observe func(ctx context.Context, method, code string, took time.Duration)
	// Limits are for callers that are other than Chancery's own processes.
	Limits Limits
	// Admission bounds what connections make a server hold.
	Admission Admission
	// Refused is told of each connection that was refused or ended, and why: see
	// h2conn.Reasons. Nil: nobody is.
	Refused func(reason string)
	// Drain says how a server ends.
	Drain Drain
}

// chain returns the one list of interceptors as a single one.
func chain(o Options) (grpc.UnaryServerInterceptor, error) {
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("create validator: %w", err)
	}
	return join(
		recovery(o.Log),
		telemetry(o),
		clock(o.Log, o.Now),
		failures(o.Log, o.Unavailable),
		deadline(o.Deadline),
		callers(o.Identify),
		limited(o.Limits),
		validation(validator),
	), nil
}

// join nests interceptors, the first outermost.
func join(list ...grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		next := handler
		for i := len(list) - 1; i >= 0; i-- {
			interceptor, inner := list[i], next
			next = func(ctx context.Context, req any) (any, error) { return interceptor(ctx, req, info, inner) }
		}
		return next(ctx, req)
	}
}

// recovery turns a panic into a failure of its one call.
func recovery(log *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
		defer func() {
			if p := recover(); p != nil {
				log.ErrorContext(ctx, "panic in call", slog.String("method", info.FullMethod),
					slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
				resp, err = nil, rpcerr.ToStatus(errors.New("panic")).Err()
			}
		}()
		return handler(ctx, req)
	}
}

// failures logs an error once, and converts it for the wire. A refusal is the
// caller's business and stands in the log as information.
func failures(log *slog.Logger, unavailable func(error) bool) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		resp, err := handler(ctx, req)
		if err == nil {
			return resp, nil
		}
		if unavailable != nil && unavailable(err) {
			err = fmt.Errorf("%w: %w", rpcerr.ErrUnavailable, err)
		}
		log.LogAttrs(ctx, severity(err), "call refused",
			slog.String("method", info.FullMethod), slog.String("error", err.Error()))
		return nil, rpcerr.ToStatus(err).Err()
	}
}

// severity is Error for what an operator has to look at.
func severity(err error) slog.Level {
	var refusal *oauth.Error
	var f *fault.Error
	switch {
	case errors.As(err, &f) && f.RetryAfter > 0:
		return slog.LevelDebug // a flood is counted, and fills no log
	case errors.Is(err, oauth.ServerError):
		return slog.LevelError
	case errors.Is(err, oauth.TemporarilyUnavailable), errors.Is(err, rpcerr.ErrUnavailable),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return slog.LevelWarn
	case errors.As(err, &refusal), errors.As(err, &f):
		return slog.LevelInfo
	default:
		return slog.LevelError
	}
}

// leastTime is what a call must have left for its work to be worth starting: one
// that ends in the middle has an outcome that nobody knows.
const leastTime = 5 * time.Millisecond

// deadline bounds the time of a call. A caller that wants it sooner gets it
// sooner, and one that leaves no time for it is told to come again.
func deadline(limit time.Duration) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if end, ok := ctx.Deadline(); ok && time.Until(end) < leastTime {
			return nil, fmt.Errorf("%w: the caller leaves less than %v", rpcerr.ErrUnavailable, leastTime)
		}
		if limit <= 0 {
			return handler(ctx, req)
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return handler(ctx, req)
	}
}

// validation checks the shape that the contract states. What it refuses reads as
// OAuth where OAuth clients call, and as an administrative fault elsewhere.
func validation(validator protovalidate.Validator) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		message, ok := req.(proto.Message)
		if !ok {
			return nil, errors.New("request is no protobuf message")
		}
		var invalid *protovalidate.ValidationError
		switch err := validator.Validate(message); {
		case errors.As(err, &invalid) && mayCall(info.FullMethod, Anyone):
			return nil, oauth.RefuseBecause(oauth.InvalidRequest, "a parameter has a value that is not allowed", err)
		case errors.As(err, &invalid):
			return nil, fault.New(fault.Invalid, violation(invalid))
		case err != nil:
			return nil, fmt.Errorf("validate request: %w", err)
		}
		return handler(ctx, req)
	}
}

// violation names the first field that is wrong, and what it should be.
func violation(err *protovalidate.ValidationError) string {
	v := err.Violations[0]
	return protovalidate.FieldPathString(v.Proto.GetField()) + ": " + expected(v)
}

// expected is what a rule wants, in words for who left a field out.
func expected(v *protovalidate.Violation) string {
	switch v.Proto.GetRuleId() {
	case "string.min_len", "string.min_bytes", "repeated.min_items":
		if v.RuleValue.IsValid() && v.RuleValue.Uint() == 1 {
			return "is required"
		}
	}
	return strings.Replace(v.Proto.GetMessage(), " item(s)", " items", 1)
}
