package telemetry_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	_ "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// N253: whoever chooses a label value cannot make a series of it.
func TestN253_InputMakesNoSeries(t *testing.T) {
	tel := setUp(t)
	rpc, http := tel.RPC(), tel.HTTP("token", "authorize")
	const attempts = 10_000
	for i := range attempts {
		input := fmt.Sprintf("/evil.v1.Service%d/Method%d", i, i)
		rpc(t.Context(), input, "OK", time.Millisecond)
		rpc(t.Context(), exchange+input, "OK", time.Millisecond)
		rpc(t.Context(), exchange, input, time.Millisecond)
		http(t.Context(), input, 200, time.Millisecond)
		http(t.Context(), "token", 1000+i, time.Millisecond)
		tel.Counters().TokensIssued(t.Context(), input)
		tel.Counters().SignIn(t.Context(), input)
	}
	rpc(t.Context(), exchange, "OK", time.Millisecond)
	http(t.Context(), "authorize", 404, time.Millisecond)

	text := scrape(t, tel, "text/plain")
	for series, want := range map[string]string{
		`chancery_rpc_duration_seconds_count{code="OK",method="other"}`:                                      "20000",
		`chancery_rpc_duration_seconds_count{code="other",method="chancery.token.v1.TokenService/Exchange"}`: "10000",
		`chancery_rpc_duration_seconds_count{code="OK",method="chancery.token.v1.TokenService/Exchange"}`:    "1",
		`chancery_http_duration_seconds_count{endpoint="other",status="200"}`:                                "10000",
		`chancery_http_duration_seconds_count{endpoint="token",status="other"}`:                              "10000",
		`chancery_http_duration_seconds_count{endpoint="authorize",status="404"}`:                            "1",
		`chancery_tokens_issued_total{grant_type="other"}`:                                                   "10000",
		`chancery_sign_ins_total{outcome="other"}`:                                                           "10000",
	} {
		if got := value(t, text, series); got != want {
			t.Errorf("%s = %s, want %s", series, got, want)
		}
	}
	for prefix, want := range map[string]int{
		"chancery_rpc_duration_seconds_count": 3, "chancery_http_duration_seconds_count": 3, "chancery_tokens_issued_total": 5,
		"chancery_sign_ins_total": 10,
	} {
		if got := seriesOf(text, prefix); len(got) != want {
			t.Errorf("%d series of %s, want %d", len(got), prefix, want)
		}
	}
}

// A recorder is on the way of every call.
func TestRecordingAllocatesNothing(t *testing.T) {
	tel := setUp(t)
	rpc, http := tel.RPC(), tel.HTTP("token")
	ctx := t.Context()
	for name, record := range map[string]func(){
		"rpc":  func() { rpc(ctx, exchange, "OK", time.Millisecond) },
		"http": func() { http(ctx, "token", 200, time.Millisecond) },
	} {
		if n := testing.AllocsPerRun(1000, record); n > 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkRPC(b *testing.B) {
	rpc := setUp(b).RPC()
	ctx := context.Background()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			rpc(ctx, exchange, "OK", time.Millisecond)
		}
	})
}

func BenchmarkHTTP(b *testing.B) {
	http := setUp(b).HTTP("token")
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		http(ctx, "token", 200, time.Millisecond)
	}
}

func BenchmarkTokensIssued(b *testing.B) {
	c := setUp(b).Counters()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		c.TokensIssued(ctx, "refresh_token")
	}
}
