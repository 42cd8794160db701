package grpcserve_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

func TestEachCallIsObservedOnce(t *testing.T) {
	var codes []string
	now := noon()
	observe := func(o *grpcserve.Options) {
		codes = nil
		o.Now = func() time.Time { now = now.Add(time.Second); return now }
		o.Observe = func(ctx context.Context, method, code string, took time.Duration) {
			if method != tokenv1.TokenService_Exchange_FullMethodName || took <= 0 || !trace.SpanContextFromContext(ctx).IsValid() {
				t.Errorf("observed: %s took %v, in a span: %v", method, took, trace.SpanContextFromContext(ctx).IsValid())
			}
			codes = append(codes, code)
		}
	}
	onEach(t, func(t *testing.T, tr *transport) {
		tests := []struct {
			err  error
			want string
		}{
			{nil, "OK"},
			{oauth.Refuse(oauth.InvalidGrant, "no"), "invalid_grant"},
			{fault.New(fault.NotFound, "no"), "NotFound"},
			{errors.New("no"), "Internal"},
			{context.DeadlineExceeded, "temporarily_unavailable"},
		}
		var want []string
		for _, tt := range tests {
			tr.script.exchange = func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
				return &tokenv1.ExchangeResponse{}, tt.err
			}
			if _, err := tr.tokens().Exchange(t.Context(), &tokenv1.ExchangeRequest{}); (err == nil) != (tt.err == nil) {
				t.Error(err)
			}
			want = append(want, tt.want)
		}
		tr.script.exchange = func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) { panic("p") }
		if _, err := tr.tokens().Exchange(t.Context(), &tokenv1.ExchangeRequest{}); err == nil {
			t.Error("a panic is no error")
		}
		if want = append(want, "Internal"); !slices.Equal(codes, want) {
			t.Errorf("observed %q, want %q", codes, want)
		}
	}, observe)
}
