package grpcserve

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

const (
	// attempts is how often a call is made that may be repeated.
	attempts = 3
	// leastAttempt is the least time of an attempt, if the call has that much.
	leastAttempt = time.Second
	// repeatDelay is the time before the first repeat. It doubles.
	repeatDelay = 20 * time.Millisecond
)

// A budget is full with maxTokens. A failure takes a token, a success gives a
// tenth of one, and below half of them nothing is repeated. What is repeated for
// long is a tenth of what succeeds.
const (
	maxTokens    = 10
	tokenRatio   = 0.1
	repeatTokens = maxTokens / 2
)

// attempt is one sending of a call that may be repeated. The picker says where it
// went, and how often that replica had been lost before.
type attempt struct {
	replica *replica
	losses  int64
}

// lost reports whether the replica was lost since.
func (a attempt) lost() bool { return a.replica != nil && a.replica.losses.Load() != a.losses }

type attemptKey struct{}

// repeats repeats the calls of one connection whose contracts say that once and
// twice have the same effect: those that fail because a replica is away, or that
// have no answer although it would be time for one. gRPC's own repeats have no
// deadline for an attempt, and stop at the first header of an answer.
type repeats struct {
	methods map[string]bool
	mu      sync.Mutex
	tokens  float64
}

func newRepeats() *repeats { return &repeats{methods: repeatable(), tokens: maxTokens} }

// repeat is a grpc.UnaryClientInterceptor. The call has a deadline.
func (r *repeats) repeat(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error { //nolint:revive // the signature is grpc.UnaryClientInterceptor
	if !r.methods[method] {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	delay := repeatDelay
	for left := attempts; ; left-- {
		var a attempt
		once, cancel := context.WithTimeout(context.WithValue(ctx, attemptKey{}, &a), share(ctx, left))
		err := invoke(once, method, req, reply, cc, opts...)
		again := err != nil && (once.Err() != nil || status.Code(err) == codes.Unavailable)
		cancel()
		if err == nil {
			r.refill()
		}
		// The delay also lets the end of a connection be known before it is judged.
		if !again || left == 1 || !wait(ctx, delay) || !r.may(a) {
			return err
		}
		delay *= 2
	}
}

// share is the time of an attempt: an equal part of what the call has left.
func share(ctx context.Context, left int) time.Duration {
	end, _ := ctx.Deadline()
	rest := time.Until(end)
	if part := rest / time.Duration(left); part > leastAttempt {
		return part
	}
	return min(rest, leastAttempt)
}

// refill gives the budget what a success is worth.
func (r *repeats) refill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens = min(maxTokens, r.tokens+tokenRatio)
}

// may reports whether the budget has a repeat. One after a loss costs nothing:
// it goes to another replica.
func (r *repeats) may(a attempt) bool {
	if a.lost() {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens = max(0, r.tokens-1)
	return r.tokens > repeatTokens
}

// wait reports whether d has passed before ctx has ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// repeatable are the methods that have the same effect once and twice, by what
// their contracts say.
func repeatable() map[string]bool {
	methods := map[string]bool{}
	eachMethod(func(fullMethod string, m protoreflect.MethodDescriptor) {
		options, _ := m.Options().(*descriptorpb.MethodOptions)
		if options.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN {
			methods[fullMethod] = true
		}
	})
	return methods
}
