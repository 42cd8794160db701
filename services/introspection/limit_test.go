package introspection_test

import (
	"errors"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	"github.com/chancery-auth/chancery/services/introspection"
)

// A client is counted by the tokens that it asks about, once it has authenticated.
func TestN319_EachClientHasItsAllowanceOfIntrospections(t *testing.T) {
	e := newEnv(t, func(c *introspection.Config) {
		c.Introspections = ratelimit.Gate{
			Limiter: ratelimit.New(func() time.Time { return time.Time{} }, nil), Class: ratelimit.Class{Name: ratelimit.Introspect, Rate: 5},
		}
	})
	batch := func(client, secret string, n int) error {
		_, err := e.client.IntrospectBatch(t.Context(), &introspectionv1.IntrospectBatchRequest{
			ClientId: client, ClientSecret: secret, Tokens: make([]string, n),
		})
		return err
	}
	for range 9 {
		if err := batch("api", "wrong", 10); !errors.Is(err, oauth.InvalidClient) {
			t.Fatalf("wrong secret: %v", err)
		}
	}
	for _, tt := range []struct {
		client, secret string
		n              int
		want           error
	}{
		{"api", "secret of api", 7, nil},
		{"api", "secret of api", 4, fault.Exhausted},
		{"api", "secret of api", 3, nil},
		{"api", "secret of api", 1, fault.Exhausted},
		{"rs1", "secret of rs1", 10, nil},
	} {
		if err := batch(tt.client, tt.secret, tt.n); !errors.Is(err, tt.want) {
			t.Errorf("%s asks about %d: %v, want %v", tt.client, tt.n, err, tt.want)
		}
	}
}
