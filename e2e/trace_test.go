package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
)

// collector takes the spans of servers, as an OpenTelemetry collector does.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	address string

	mu    sync.Mutex
	names map[string][]string // of spans, by trace
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{address: listener.Addr().String(), names: map[string][]string{}}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(listener) }() // it ends with Stop
	t.Cleanup(server.Stop)
	return c
}

// Export implements collectorv1.TraceServiceServer.
func (c *collector) Export(_ context.Context, req *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range req.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				trace := hex.EncodeToString(span.GetTraceId())
				c.names[trace] = append(c.names[trace], span.GetName())
			}
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

// traceWith returns a trace that has a span for each of the parts of names.
func (c *collector) traceWith(parts ...string) (trace string, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for trace, names := range c.names {
		lacks := func(part string) bool {
			return !slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, part) })
		}
		if !slices.ContainsFunc(parts, lacks) {
			return trace, true
		}
	}
	return "", false
}

// await returns the trace that has a span for each part, once it has arrived:
// spans are sent in batches.
func (c *collector) await(t *testing.T, parts ...string) string {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(startTimeout); ; {
		if trace, found := c.traceWith(parts...); found {
			return trace
		}
		select {
		case <-tick.C:
		case <-deadline:
			c.mu.Lock()
			defer c.mu.Unlock()
			t.Fatalf("no trace has a span for each of %q: %q", parts, c.names)
		}
	}
}

// One trace leads from the request at the edge through the services to the
// statements in the database, and on with the event of the change.
func TestATraceLeadsFromTheEdgeToTheDatabaseAndTheEvent(t *testing.T) {
	c := newCollector(t)
	s := start(t, append(postgresFlags(t), "--otlp", c.address)...)
	a := newApp(t, s, "openid", "offline_access")
	try := a.begin(forceConsent())
	token := a.tokens(t, s, try, newPerson(t, s).authorize(try.link))

	trace := c.await(t, "HTTP /consent", "AuthorizeService/SubmitConsent", "ConsentService/RecordGrant", "INSERT", "COMMIT")
	if recorded := s.chancery(t, "audit", "list", "--type", "grant.recorded", "--json"); !strings.Contains(string(recorded), trace) {
		t.Errorf("the record of the grant is not of trace %s: %s", trace, recorded)
	}
	c.await(t, "HTTP /oauth/token", "TokenService/Exchange", "RegistryService/AuthenticateClient", "SELECT")
	c.checkSecrets(t, token.AccessToken, token.RefreshToken, s.Demo.Client.ClientSecret, s.Demo.User.Password)
}

// checkSecrets looks for what must not be in a name.
func (c *collector) checkSecrets(t *testing.T, secrets ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, names := range c.names {
		for _, secret := range secrets {
			if strings.Contains(strings.Join(names, "\n"), secret) {
				t.Errorf("a span is named %q", names)
			}
		}
	}
}

// postgresFlags are the flags that name a new database.
func postgresFlags(t testing.TB) []string {
	t.Helper()
	all := databases()
	return all[slices.IndexFunc(all, func(d database) bool { return d.name == "postgres" })].flags(t)
}

// What an operator's Prometheus reads: every part shows itself, on the internal
// port alone.
func TestMetricsShowEveryPart(t *testing.T) {
	s := start(t)
	clientToken(t, s)
	var body string
	until(t, "a scrape shows the exchange", func() bool {
		body = scrape(t, s.Internal)
		return strings.Contains(body, `chancery_http_duration_seconds_count{endpoint="token",status="200"} 1`)
	})
	for _, want := range []string{
		`chancery_rpc_duration_seconds_count{code="OK",method="chancery.token.v1.TokenService/Exchange"} 1`,
		`chancery_tokens_issued_total{grant_type="client_credentials"} 1`,
		"chancery_ready 1", "chancery_lease_age_seconds ", "chancery_restrictions ", "chancery_outbox_pending ",
		`chancery_key_age_seconds{purpose="seal"}`, "go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the scrape lacks %s", want)
		}
	}
}

func scrape(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%s/metrics", address), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %v", resp.StatusCode, err)
	}
	return string(body)
}
