// Package rpcerr carries refusals over gRPC: oauth.Error and fault.Error go out
// as a status with an ErrorInfo detail, and come back as what they were.
//
// Any other error becomes Internal (or Unavailable, where a repeat may succeed)
// without its text: what it says is for the log of the process it happened in. What
// a service does not implement stays Unimplemented, which callers may look for.
package rpcerr

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// Domains of ErrorInfo: the reason is an OAuth error code, or a kind of fault.
const (
	OAuthDomain = "oauth.chancery"
	AdminDomain = "admin.chancery"
)

// ErrUnavailable marks a failure after which the same call may succeed: a store
// that is away, an outcome that nobody knows.
var ErrUnavailable = errors.New("temporarily unavailable")

// oauthClass is the gRPC code of each OAuth error that is not InvalidArgument.
var oauthClass = map[oauth.ErrorCode]codes.Code{
	oauth.InvalidGrant:           codes.FailedPrecondition,
	oauth.UnauthorizedClient:     codes.PermissionDenied,
	oauth.AccessDenied:           codes.PermissionDenied,
	oauth.InsufficientScope:      codes.PermissionDenied,
	oauth.InvalidClient:          codes.Unauthenticated,
	oauth.InvalidToken:           codes.Unauthenticated,
	oauth.TemporarilyUnavailable: codes.Unavailable,
	oauth.ServerError:            codes.Internal,
}

// faultClass is the gRPC code of each kind of fault.
var faultClass = map[fault.Kind]codes.Code{
	fault.Invalid:       codes.InvalidArgument,
	fault.NotFound:      codes.NotFound,
	fault.AlreadyExists: codes.AlreadyExists,
	fault.Conflict:      codes.Aborted,
	fault.Denied:        codes.PermissionDenied,
	fault.Exhausted:     codes.ResourceExhausted,
	fault.Unavailable:   codes.Unavailable,
}

// faultReason is each kind of fault on the wire.
var faultReason = map[fault.Kind]string{
	fault.Invalid:       "INVALID",
	fault.NotFound:      "NOT_FOUND",
	fault.AlreadyExists: "ALREADY_EXISTS",
	fault.Conflict:      "CONFLICT",
	fault.Denied:        "DENIED",
	fault.Exhausted:     "EXHAUSTED",
	fault.Unavailable:   "UNAVAILABLE",
}

// ToStatus converts err for the wire. The text of an error that is no refusal
// does not leave the process. A nil err is OK.
func ToStatus(err error) *status.Status {
	refusal, f := outermost(err)
	switch {
	case refusal != nil:
		return withReason(classOf(refusal.Code), refusal.Description, OAuthDomain, strings.ToUpper(string(refusal.Code)))
	case f != nil:
		return withRetry(withReason(faultClass[f.Kind], f.Message, AdminDomain, faultReason[f.Kind]), f.RetryAfter)
	case err == nil:
		return status.New(codes.OK, "")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, ErrUnavailable):
		return withReason(codes.Unavailable, "try again later", OAuthDomain, "TEMPORARILY_UNAVAILABLE")
	case status.Code(err) == codes.Unimplemented:
		// A platform's own directory leaves methods out, such as that of passwords.
		return status.New(codes.Unimplemented, "the service does not have this method")
	default:
		return status.New(codes.Internal, "internal error")
	}
}

// outermost is the refusal that err is or wraps: one of the two, or none. A
// refusal that another one has for its cause is for the log.
func outermost(err error) (refusal *oauth.Error, f *fault.Error) {
	if errors.As(err, &refusal) && errors.As(err, &f) {
		if errors.Is(f, refusal) {
			return nil, f
		}
		return refusal, nil
	}
	errors.As(err, &f)
	return refusal, f
}

// classOf is the gRPC code of an OAuth error.
func classOf(code oauth.ErrorCode) codes.Code {
	if class, ok := oauthClass[code]; ok {
		return class
	}
	return codes.InvalidArgument
}

func withReason(code codes.Code, message, domain, reason string) *status.Status {
	st, err := status.New(code, message).WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: domain})
	if err != nil {
		return status.New(codes.Internal, "internal error")
	}
	return st
}

// withRetry adds when a repeat is worth it, if that is known.
func withRetry(st *status.Status, after time.Duration) *status.Status {
	if after <= 0 {
		return st
	}
	if with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)}); err == nil {
		return with
	}
	return st
}

// FromStatus is the inverse of [ToStatus]. What carries no reason of ours is
// temporarily_unavailable when the transport says that the other side is away,
// and server_error otherwise. A nil err stays nil.
func FromStatus(err error) error {
	if err == nil {
		return nil
	}
	st := status.Convert(err)
	for _, d := range st.Details() {
		info, ok := d.(*errdetails.ErrorInfo)
		switch {
		case ok && info.GetDomain() == OAuthDomain:
			return oauth.Refuse(oauth.ErrorCode(strings.ToLower(info.GetReason())), st.Message())
		case ok && info.GetDomain() == AdminDomain:
			return &fault.Error{Kind: kindOf(info.GetReason()), Message: st.Message(), RetryAfter: retryAfter(st)}
		}
	}
	switch st.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.ResourceExhausted:
		return oauth.RefuseBecause(oauth.TemporarilyUnavailable, "try again later", err)
	default:
		return oauth.RefuseBecause(oauth.ServerError, "", err)
	}
}

// retryAfter is what [withRetry] has added, zero if that is nothing.
func retryAfter(st *status.Status) time.Duration {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// kindOf is the kind that reason names; an unknown one, from a newer release,
// is Unavailable: the caller may retry, and nothing is taken for granted.
func kindOf(reason string) fault.Kind {
	for kind, r := range faultReason {
		if r == reason {
			return kind
		}
	}
	return fault.Unavailable
}
