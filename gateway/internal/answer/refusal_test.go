package answer

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

// A service of this process answers with errors, one of another process with
// statuses: both mean the same to a client.
func TestRefusalOf(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want oauth.ErrorCode
	}{
		{"refusal", oauth.Refuse(oauth.InvalidGrant, "x"), oauth.InvalidGrant},
		{"wrapped refusal", fmt.Errorf("call: %w", oauth.Refuse(oauth.InvalidGrant, "x")), oauth.InvalidGrant},
		{"shape that the contract forbids", fault.New(fault.Invalid, "x"), oauth.InvalidRequest},
		{"a store that is away", fault.New(fault.Unavailable, "x"), oauth.TemporarilyUnavailable},
		{"a caller that may not", fault.New(fault.Denied, "x"), oauth.ServerError},
		{"anything else", errors.New("boom"), oauth.ServerError},
		{"too late", context.DeadlineExceeded, oauth.TemporarilyUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sent := rpcerr.ToStatus(tt.err).Err()
			if got := RefusalOf(sent); got.Code != tt.want {
				t.Errorf("RefusalOf(status of %v) = %v, want %v", tt.err, got, tt.want)
			}
			if got := RefusalOf(rpcerr.FromStatus(sent)); got.Code != tt.want {
				t.Errorf("RefusalOf(%v) = %v, want %v", tt.err, got, tt.want)
			}
		})
	}
	for code, want := range map[codes.Code]oauth.ErrorCode{
		codes.Unavailable: oauth.TemporarilyUnavailable, codes.InvalidArgument: oauth.ServerError, codes.Unimplemented: oauth.ServerError,
	} {
		got := RefusalOf(status.Error(code, "dial tcp 10.0.0.1:5432"))
		if got.Code != want || describe(got) == "dial tcp 10.0.0.1:5432" {
			t.Errorf("RefusalOf(%v) = %v", code, got)
		}
	}
}
