package rpcerr_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

func TestRefusalsSurviveTheWire(t *testing.T) {
	tests := []struct {
		err  error
		code codes.Code
		is   error
	}{
		{oauth.Refuse(oauth.InvalidGrant, "code has expired"), codes.FailedPrecondition, oauth.InvalidGrant},
		{oauth.Refuse(oauth.InvalidClient, "no"), codes.Unauthenticated, oauth.InvalidClient},
		{oauth.Refuse(oauth.InvalidRequestURI, "no"), codes.InvalidArgument, oauth.InvalidRequestURI},
		{oauth.Refuse(oauth.TemporarilyUnavailable, "later"), codes.Unavailable, oauth.TemporarilyUnavailable},
		{fmt.Errorf("wrapped: %w", fault.New(fault.NotFound, "no such client")), codes.NotFound, fault.NotFound},
		{fault.New(fault.Conflict, "changed"), codes.Aborted, fault.Conflict},
		{fault.Later("too many", time.Second), codes.ResourceExhausted, fault.Exhausted},
		{fault.New(fault.Exhausted, "too many"), codes.ResourceExhausted, fault.Exhausted},
		{fault.Because(fault.Invalid, "scope is malformed", oauth.Refuse(oauth.InvalidScope, "no")), codes.InvalidArgument, fault.Invalid},
		{oauth.RefuseBecause(oauth.InvalidGrant, "ended", fault.New(fault.NotFound, "no such grant")), codes.FailedPrecondition, oauth.InvalidGrant},
	}
	for _, tt := range tests {
		st := rpcerr.ToStatus(tt.err)
		if st.Code() != tt.code {
			t.Errorf("ToStatus(%v) = %v, want %v", tt.err, st.Code(), tt.code)
		}
		if back := rpcerr.FromStatus(st.Err()); !errors.Is(back, tt.is) {
			t.Errorf("FromStatus(ToStatus(%v)) = %v, want %v", tt.err, back, tt.is)
		}
	}
}

// N250: neither the cause of a refusal nor the text of any other error leaves
// the process.
func TestN250_CausesStayInside(t *testing.T) {
	secret := errors.New("dial tcp 10.0.0.1:5432: password=hunter2")
	for _, err := range []error{
		oauth.RefuseBecause(oauth.InvalidGrant, "code is not valid", secret),
		fault.Because(fault.Unavailable, "the store is away", secret),
		fmt.Errorf("select: %w", secret),
		fmt.Errorf("select: %w: %w", rpcerr.ErrUnavailable, secret),
	} {
		st := rpcerr.ToStatus(err)
		if got := fmt.Sprint(st.Proto()); st.Message() == "" || strings.Contains(got, "hunter2") {
			t.Errorf("ToStatus(%v) = %v", err, got)
		}
	}
}

func TestRetryAfterSurvivesTheWire(t *testing.T) {
	for _, want := range []time.Duration{0, 1500 * time.Millisecond} {
		var f *fault.Error
		if err := rpcerr.FromStatus(rpcerr.ToStatus(fault.Later("busy", want)).Err()); !errors.As(err, &f) || f.RetryAfter != want {
			t.Errorf("FromStatus() = %v, want to be told %v", err, want)
		}
	}
}

func TestOtherErrors(t *testing.T) {
	tests := []struct {
		err  error
		code codes.Code
		is   error
	}{
		{errors.New("boom"), codes.Internal, oauth.ServerError},
		{fmt.Errorf("ask: %w", status.Error(codes.Unimplemented, "boom")), codes.Unimplemented, oauth.ServerError},
		{context.DeadlineExceeded, codes.Unavailable, oauth.TemporarilyUnavailable},
		{fmt.Errorf("commit: %w", rpcerr.ErrUnavailable), codes.Unavailable, oauth.TemporarilyUnavailable},
	}
	for _, tt := range tests {
		st := rpcerr.ToStatus(tt.err)
		if st.Code() != tt.code {
			t.Errorf("ToStatus(%v) = %v, want %v", tt.err, st.Code(), tt.code)
		}
		if back := rpcerr.FromStatus(st.Err()); !errors.Is(back, tt.is) {
			t.Errorf("FromStatus(%v) = %v, want %v", st, back, tt.is)
		}
	}
	if err := rpcerr.FromStatus(status.Error(codes.Unavailable, "connection refused")); !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("FromStatus(transport failure) = %v", err)
	}
	if err := rpcerr.FromStatus(nil); err != nil {
		t.Errorf("FromStatus(nil) = %v", err)
	}
}
