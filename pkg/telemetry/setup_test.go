package telemetry_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// start is when every test begins.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// exchange is a method that every release has.
const exchange = "/chancery.token.v1.TokenService/Exchange"

func setUp(t testing.TB, change ...func(*telemetry.Options)) *telemetry.Telemetry {
	t.Helper()
	o := telemetry.Options{
		Service: "token", Version: "v1", Instance: "a", Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return start },
	}
	for _, c := range change {
		c(&o)
	}
	tel, err := telemetry.Setup(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Shutdown() = %v", err)
		}
	})
	return tel
}

// scrape returns what Prometheus reads, as text or as OpenMetrics.
func scrape(t testing.TB, tel *telemetry.Telemetry, accept string) string {
	t.Helper()
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	tel.MetricsHandler().ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("scrape = %d, %v", w.Code, err)
	}
	return string(body)
}

// seriesOf are the lines of a scrape that start with prefix, without values.
func seriesOf(text, prefix string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			found = append(found, line[:strings.LastIndexByte(line, ' ')])
		}
	}
	return found
}

// value is that of one series.
func value(t testing.TB, text, series string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	t.Errorf("no series %s in:\n%s", series, strings.Join(seriesOf(text, "chancery_"), "\n"))
	return ""
}

// useAll makes a process that shows every metric there is.
func useAll(t testing.TB, tel *telemetry.Telemetry) {
	t.Helper()
	ctx, span := tel.Tracer().Start(t.Context(), "call")
	defer span.End()
	tel.RPC()(ctx, exchange, "OK", 3*time.Millisecond)
	tel.RPC()(ctx, exchange, "invalid_grant", 2*time.Millisecond)
	tel.HTTP("token")(ctx, "token", 200, 4*time.Millisecond)
	tel.ObserveReplica(func() telemetry.ReplicaStats {
		return telemetry.ReplicaStats{
			LeaseAge: 200 * time.Millisecond, Polls: 12, FailedPolls: 2, PollRows: 7, IdentityChanges: 1, Stale: 3,
			LastPoll: 2 * time.Millisecond, Restrictions: 40, Bytes: 4096,
		}
	})
	tel.ObserveHints(func() telemetry.HintStats { return telemetry.HintStats{Sent: 5, Received: 6, Refused: 1, Dropped: 2} })
	tel.ObservePool("token", func() telemetry.PoolStats {
		return telemetry.PoolStats{Acquired: 1, Idle: 2, Constructing: 3, Max: 16, AcquireWait: 1500 * time.Millisecond}
	})
	tel.ObserveOutbox(func(context.Context) (int64, time.Duration, error) { return 4, 9 * time.Second, nil })
	tel.ObserveSweep(func() sweep.Stats {
		return sweep.Stats{
			Tables:         []sweep.TableStats{{Name: "token.family", Rows: 7, Failures: 2, Lag: 90 * time.Second}},
			ClockDisagrees: true,
		}
	})
	tel.ObserveKeys(func() map[string]time.Duration {
		return map[string]time.Duration{"sealing": time.Hour, "signing": 2 * time.Hour}
	})
	tel.ObserveCertificate(func() time.Time { return start.Add(24 * time.Hour) })
	tel.ObserveReady(func() bool { return true })
	c := tel.Counters()
	c.TokensIssued(ctx, "authorization_code")
	c.RefreshReuse(ctx)
	c.RefreshExtended(ctx)
	c.CodeReplay(ctx)
	c.UnknownCommit(ctx)
	c.RateLimited(ctx, "token")
	c.EventCounted(ctx)
	c.RateLimited(ctx, "192.0.2.1") // no class
	c.ConnectionRefused(ctx, "flood")
	c.ConnectionRefused(ctx, "192.0.2.1") // no reason
	c.EventPublished(ctx, true)
	c.EventPublished(ctx, false)
	c.SignIn(ctx, "limited_account")
	c.HashingWait(ctx, 250*time.Millisecond, true)
	c.HashingWait(ctx, time.Second, false)
}

func TestMetricsAreWhatTheProcessSays(t *testing.T) {
	tel := setUp(t)
	useAll(t, tel)
	text := scrape(t, tel, "text/plain")
	for series, want := range map[string]string{
		`chancery_rpc_duration_seconds_count{code="OK",method="chancery.token.v1.TokenService/Exchange"}`:            "1",
		`chancery_rpc_duration_seconds_count{code="invalid_grant",method="chancery.token.v1.TokenService/Exchange"}`: "1",
		`chancery_http_duration_seconds_sum{endpoint="token",status="200"}`:                                          "0.004",
		`chancery_lease_age_seconds`:                                    "0.2",
		`chancery_polls_total{outcome="ok"}`:                            "10",
		`chancery_polls_total{outcome="failed"}`:                        "2",
		`chancery_poll_rows_total`:                                      "7",
		`chancery_restrictions`:                                         "40",
		`chancery_restriction_bytes`:                                    "4096",
		`chancery_stale_answers_total`:                                  "3",
		`chancery_database_identity_changes_total`:                      "1",
		`chancery_hints_total{direction="sent",outcome="ok"}`:           "5",
		`chancery_hints_total{direction="received",outcome="ok"}`:       "6",
		`chancery_hints_total{direction="received",outcome="refused"}`:  "1",
		`chancery_hints_total{direction="any",outcome="dropped"}`:       "2",
		`chancery_tokens_issued_total{grant_type="authorization_code"}`: "1",
		`chancery_tokens_issued_total{grant_type="client_credentials"}`: "0",
		`chancery_sweep_rows_total{table="token.family"}`:               "7",
		`chancery_sweep_failures_total{table="token.family"}`:           "2",
		`chancery_sweep_lag_seconds{table="token.family"}`:              "90",
		`chancery_sweep_clock_disagrees`:                                "1",
		`chancery_refresh_reuse_total`:                                  "1",
		`chancery_refresh_extended_total`:                               "1",
		`chancery_code_replay_total`:                                    "1",
		`chancery_key_age_seconds{purpose="sealing"}`:                   "3600",
		`chancery_db_connections{pool="token",state="max"}`:             "16",
		`chancery_db_connections{pool="token",state="acquired"}`:        "1",
		`chancery_db_acquire_wait_seconds_total{pool="token"}`:          "1.5",
		`chancery_outbox_pending`:                                       "4",
		`chancery_outbox_lag_seconds`:                                   "9",
		`chancery_events_published_total{outcome="ok"}`:                 "1",
		`chancery_events_published_total{outcome="failed"}`:             "1",
		`chancery_unknown_commits_total`:                                "1",
		`chancery_events_counted_total`:                                 "1",
		`chancery_rate_limited_total{class="token"}`:                    "1",
		`chancery_rate_limited_total{class="browsers"}`:                 "0",
		`chancery_sign_ins_total{outcome="limited_account"}`:            "1",
		`chancery_sign_ins_total{outcome="limited_network"}`:            "0",
		`chancery_hashing_wait_seconds_sum{outcome="ok"}`:               "0.25",
		`chancery_hashing_wait_seconds_count{outcome="refused"}`:        "1",
		`chancery_connections_refused_total{reason="flood"}`:            "1",
		`chancery_connections_refused_total{reason="source"}`:           "0",
		`chancery_certificate_expire_seconds`:                           "86400",
		`chancery_ready`:                                                "1",
	} {
		if got := value(t, text, series); got != want {
			t.Errorf("%s = %s, want %s", series, got, want)
		}
	}
	if len(seriesOf(text, "go_")) == 0 || len(seriesOf(text, "process_")) == 0 {
		t.Error("no metrics of the runtime")
	}
	if strings.Contains(text, "otel_scope") || strings.Contains(text, "target_info") {
		t.Error("labels or series that say nothing")
	}
}

// What happens for the first time must be an increase.
func TestCountersStartAtZero(t *testing.T) {
	text := scrape(t, setUp(t), "text/plain")
	for _, series := range []string{"chancery_refresh_reuse_total", "chancery_refresh_extended_total", "chancery_code_replay_total", "chancery_unknown_commits_total"} {
		if got := value(t, text, series); got != "0" {
			t.Errorf("%s = %s", series, got)
		}
	}
	if got := seriesOf(text, "chancery_lease_age_seconds"); len(got) != 0 {
		t.Errorf("a process without a replica shows %v", got)
	}
}

func TestNilCountersCountNothing(t *testing.T) {
	var c *telemetry.Counters
	c.TokensIssued(t.Context(), "refresh_token")
	c.RefreshReuse(t.Context())
	c.RefreshExtended(t.Context())
	c.CodeReplay(t.Context())
	c.UnknownCommit(t.Context())
	c.EventPublished(t.Context(), true)
	c.SignIn(t.Context(), "refused")
	c.HashingWait(t.Context(), time.Second, true)
}

// A day of an unreachable database must not become a pile of queries.
func TestOutboxIsAskedAtMostEveryFiveSeconds(t *testing.T) {
	now, asked := start, 0
	tel := setUp(t, func(o *telemetry.Options) { o.Now = func() time.Time { return now } })
	var failure error
	tel.ObserveOutbox(func(ctx context.Context) (int64, time.Duration, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the query may take for ever")
		}
		asked++
		return int64(asked), 0, failure
	})
	for _, step := range []struct {
		after time.Duration
		err   error
		asked int
		shown []string
	}{
		{0, nil, 1, []string{"chancery_outbox_pending"}},
		{5*time.Second - 1, nil, 1, []string{"chancery_outbox_pending"}},
		{1, errors.New("away"), 2, nil},
		{4 * time.Second, nil, 2, nil},
		{time.Second, nil, 3, []string{"chancery_outbox_pending"}},
	} {
		now, failure = now.Add(step.after), step.err
		text := scrape(t, tel, "text/plain")
		if got := seriesOf(text, "chancery_outbox_pending"); asked != step.asked || !slices.Equal(got, step.shown) {
			t.Errorf("asked %d times, shows %v, want %d and %v", asked, got, step.asked, step.shown)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := telemetry.Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return start }, SampleRatio: 1}
	tests := []struct {
		name   string
		change func(*telemetry.Options)
		ok     bool
	}{
		{"good", func(*telemetry.Options) {}, true},
		{"no clock", func(o *telemetry.Options) { o.Now = nil }, false},
		{"no log", func(o *telemetry.Options) { o.Log = nil }, false},
		{"more than all", func(o *telemetry.Options) { o.SampleRatio = 1.01 }, false},
		{"less than none", func(o *telemetry.Options) { o.SampleRatio = -0.01 }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			tt.change(&o)
			tel, err := telemetry.Setup(t.Context(), o)
			if (err == nil) != tt.ok {
				t.Errorf("Setup() = %v, want ok: %v", err, tt.ok)
			}
			if err == nil {
				_ = tel.Shutdown(t.Context())
			}
		})
	}
}

func TestTraceTravelsInAMessage(t *testing.T) {
	tel := setUp(t)
	ctx, span := tel.Tracer().Start(t.Context(), "publish")
	defer span.End()
	header := map[string][]string{}
	telemetry.Inject(ctx, header)
	got := trace.SpanContextFromContext(telemetry.Extract(t.Context(), header))
	if got.TraceID() != span.SpanContext().TraceID() || got.SpanID() != span.SpanContext().SpanID() {
		t.Errorf("Extract() = %v, want %v, from %v", got, span.SpanContext(), header)
	}
	header["traceparent"] = append(header["traceparent"], header["traceparent"]...)
	if got := trace.SpanContextFromContext(telemetry.Extract(t.Context(), header)); got.IsValid() {
		t.Errorf("a header that comes twice gives %v", got)
	}
}
