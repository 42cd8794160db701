package doctor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/doctor"
	"github.com/chancery-auth/chancery/pkg/mtls"
	"github.com/chancery-auth/chancery/pkg/natstest"
)

func TestNATS(t *testing.T) {
	p := newPatient(t, "directory")
	p.nats = startNATS(t, p.authority, "")
	name := "NATS " + strings.TrimPrefix(p.nats, "tls://")
	want(t, p.look(), name, doctor.OK, "answers over TLS")

	p.certify(p.authority, -time.Minute, "directory")
	if _, said := p.look()[name]; said {
		t.Error("without a certificate the server is asked all the same")
	}
	other := newAuthority(t, day)
	p.trust(other)
	p.certify(other, day/2, "directory")
	want(t, p.look(), name, doctor.Fail, "does not let this process in")

	p.nats = natstest.New(t)
	want(t, p.look(), "NATS "+strings.TrimPrefix(p.nats, "nats://"), doctor.OK, "without TLS on this machine")
	p.nats = "nats://127.0.0.1:1"
	want(t, p.look(), "NATS 127.0.0.1:1", doctor.Fail, "does not let this process in")
	p.roles = []string{"gateway"}
	if _, said := p.look()["NATS 127.0.0.1:1"]; said {
		t.Error("the gateway is asked for NATS")
	}
}

func TestEventStream(t *testing.T) {
	p := newPatient(t, "registry")
	p.nats = startNATS(t, nil, "")
	want(t, p.look(), "event stream", doctor.Fail, "JetStream is not enabled")

	p.nats = startNATS(t, nil, t.TempDir())
	want(t, p.look(), "event stream", doctor.Warn, "there is no stream CHANCERY_EVENTS yet")
	makeStream(t, p.nats)
	want(t, p.look(), "event stream", doctor.OK, "has 0 messages and 1 copies")
	p.nats += ", nats://127.0.0.1:1, nats://127.0.0.1:2"
	want(t, p.look(), "event stream", doctor.Warn, "1 copies, of 3 servers")
	p.roles = []string{"directory"}
	if _, said := p.look()["event stream"]; said {
		t.Error("a role that relays no events is asked for their stream")
	}
}

func makeStream(t *testing.T, url string) {
	t.Helper()
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "CHANCERY_EVENTS", Subjects: []string{"chancery.event.>"}}); err != nil {
		t.Fatal(err)
	}
}

func TestService(t *testing.T) {
	p := newPatient(t, "consent")
	start := func(a *mtls.Authority, status healthv1.HealthCheckResponse_ServingStatus, names ...string) string {
		return startService(t, a, status, names...)
	}
	const serving, not = healthv1.HealthCheckResponse_SERVING, healthv1.HealthCheckResponse_NOT_SERVING
	good := start(p.authority, serving, "directory", "token")
	tests := []struct {
		name, target string
		status       doctor.Status
		text         string
	}{
		{"good", good, doctor.OK, "1 of 1 addresses answer as directory.chancery.internal"},
		{"good by name service", "dns:///localhost:" + good[strings.LastIndex(good, ":")+1:], "", ""},
		{"two replicas", "static:///" + good + "," + good, doctor.OK, "2 of 2"},
		{"nobody", "127.0.0.1:1", doctor.Fail, "127.0.0.1:1: no answer"},
		{"nobody beside a good one", "static:///" + good + ",127.0.0.1:1", doctor.Fail, "127.0.0.1:1: no answer"},
		{"another role", start(p.authority, serving, "token"), doctor.Fail, "no answer"},
		{"another authority", start(newAuthority(t, day), serving, "directory"), doctor.Fail, "no answer"},
		{"not ready", start(p.authority, not, "directory"), doctor.Warn, "is not ready"},
		{"unknown name", "dns:///nowhere.invalid:9090", doctor.Fail, "leads nowhere"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.extra = "directory: {target: '" + tt.target + "'}\n"
			found := p.look()
			if tt.status == "" { // localhost may have an IPv6 address that nobody listens to
				if f := found["service directory"]; f.Status == doctor.Fail && !strings.HasPrefix(f.Message, "[::1]") {
					t.Errorf("%s %s", f.Status, f.Message)
				}
				return
			}
			want(t, found, "service directory", tt.status, tt.text)
		})
	}
}
