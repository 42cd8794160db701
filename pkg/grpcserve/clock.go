package grpcserve

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	// timeHeader is the metadata with the caller's clock, in milliseconds of Unix
	// time.
	timeHeader = "x-chancery-time"
	// maxSkew is how far two clocks may be apart. Lifetimes are judged by one
	// clock and set by another: beyond this, neither can be believed.
	maxSkew = 10 * time.Minute
)

// clock refuses a caller whose clock is too far from this one. A caller that
// does not say its time, as one from outside, is not compared.
func clock(log *slog.Logger, now func() time.Time) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if now == nil {
			return handler(ctx, req)
		}
		if err := checkClock(ctx, now()); err != nil {
			log.ErrorContext(ctx, "call refused", slog.String("method", info.FullMethod), slog.String("error", err.Error()))
			return nil, err
		}
		return handler(ctx, req)
	}
}

// checkClock compares the caller's time with the one here.
func checkClock(ctx context.Context, here time.Time) error {
	values := metadata.ValueFromIncomingContext(ctx, timeHeader)
	if len(values) == 0 {
		return nil
	}
	millis, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || len(values) > 1 {
		return status.Error(codes.InvalidArgument, timeHeader+" is not one time in milliseconds")
	}
	// Compared before the subtraction, which saturates.
	there := time.UnixMilli(millis)
	if there.Before(here.Add(-maxSkew)) || there.After(here.Add(maxSkew)) {
		return status.Errorf(codes.FailedPrecondition, "the caller's clock says %s and this one %s: set the one that is wrong",
			there.UTC().Format(time.RFC3339), here.UTC().Format(time.RFC3339))
	}
	return nil
}
