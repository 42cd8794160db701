package introspection_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/credential"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// BenchmarkIntrospect is the method in process, for a remembered caller and
// tokens that were seen before.
func BenchmarkIntrospect(b *testing.B) {
	for _, pool := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("pool=%d", pool), func(b *testing.B) {
			e := newEnv(b)
			requests := e.requests(b, pool)
			for _, req := range requests {
				e.benchIntrospect(b, req)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; b.Loop(); i++ {
				e.benchIntrospect(b, requests[i*7919%pool])
			}
		})
	}
}

// BenchmarkIntrospectFirstSight opens each token.
func BenchmarkIntrospectFirstSight(b *testing.B) {
	e := newEnv(b)
	requests := e.requests(b, 300_000) // more than are remembered
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		e.benchIntrospect(b, requests[i%len(requests)])
	}
}

// BenchmarkIntrospectInactive has no response to speak of: what it allocates is
// what the way there costs.
func BenchmarkIntrospectInactive(b *testing.B) {
	e := newEnv(b)
	req := e.requests(b, 1)[0]
	req.ClientId, req.ClientSecret = "c2", "secret of c2"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.service.Introspect(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIntrospectBatch is 64 tokens in one request.
func BenchmarkIntrospectBatch(b *testing.B) {
	e := newEnv(b)
	req := &introspectionv1.IntrospectBatchRequest{ClientId: "api", ClientSecret: "secret of api"}
	for _, r := range e.requests(b, 64) {
		req.Tokens = append(req.Tokens, r.GetToken())
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.service.IntrospectBatch(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}

func (e *env) benchIntrospect(b *testing.B, req *introspectionv1.IntrospectRequest) {
	resp, err := e.service.Introspect(b.Context(), req)
	if err != nil || !resp.GetActive() {
		b.Fatal(resp, err)
	}
}

// requests is about tokens of as many grants, with two workspaces and a project.
func (e *env) requests(b *testing.B, n int) []*introspectionv1.IntrospectRequest {
	b.Helper()
	all := make([]*introspectionv1.IntrospectRequest, n)
	for i := range all {
		all[i] = askAs("api", e.mint(b, userToken(), func(a *credential.AccessToken) { a.GrantID = uuid.New() }))
	}
	return all
}
