package doctor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/doctor"
)

func TestRunYieldsInOrderAndEndsEachCheckInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var checks []doctor.Check
		for i := range 40 {
			checks = append(checks, doctor.Check{Name: fmt.Sprint(i), Run: func(ctx context.Context) doctor.Finding {
				if i%2 == 0 {
					<-ctx.Done() // as a server that says nothing
				}
				if i == 7 {
					return doctor.Finding{}
				}
				return doctor.Good("done")
			}})
		}
		start := time.Now()
		var names []string
		for result := range doctor.Run(t.Context(), checks) {
			names = append(names, result.Check)
		}
		if got := strings.Join(names[:9], " "); len(names) != 39 || got != "0 1 2 3 4 5 6 8 9" {
			t.Errorf("%d results, that begin with %s", len(names), got)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("20 checks that hang took %s, want two rounds of 5s", took)
		}
	})
}

func TestHealthyProcess(t *testing.T) {
	p := newPatient(t, "registry", "token").withDatabase()
	p.nats = startNATS(t, p.authority, t.TempDir())
	p.issuer = startIssuer(t, func(url string) string { return `{"issuer":"` + url + `"}` })
	p.extra = "consent: {target: " + startService(t, p.authority, healthv1.HealthCheckResponse_SERVING, "consent") + "}\n" +
		"directory: {target: static:///" + startService(t, p.authority, healthv1.HealthCheckResponse_SERVING, "directory", "token") + "}\n"
	found := p.look()
	// A test server is quick because it does not write through, and it has one
	// role; its stream is not made yet.
	excused := map[string]doctor.Status{"database durable writes": doctor.Fail, "database rights": doctor.Warn, "event stream": doctor.Warn}
	for name, f := range found {
		status := doctor.OK
		if s, ok := excused[name]; ok {
			status = s
		}
		if f.Status != status {
			t.Errorf("%s: %s %s, want %s", name, f.Status, f.Message, status)
		}
	}
	if len(found) != 25 {
		t.Errorf("%d checks have run, want 25: %v", len(found), found)
	}
}

func TestIssuer(t *testing.T) {
	tests := []struct {
		name     string
		document func(string) string
		status   doctor.Status
		text     string
	}{
		{"its own", func(url string) string { return `{"issuer":"` + url + `"}` }, doctor.OK, "answers"},
		{"another's", func(string) string { return `{"issuer":"https://id.acme.io"}` }, doctor.Fail, "calls itself https://id.acme.io"},
		{"no document", func(string) string { return `<html>` }, doctor.Warn, "read the document"},
		{"too long", func(string) string { return `{"x":"` + strings.Repeat("y", 256<<10) + `"}` }, doctor.Warn, "too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := doctor.IssuerCheck(startIssuer(t, tt.document)).Run(t.Context())
			if f.Status != tt.status || !strings.Contains(f.Message, tt.text) {
				t.Errorf("%s %q, want %s %q", f.Status, f.Message, tt.status, tt.text)
			}
		})
	}
	if f := doctor.IssuerCheck(startIssuer(t, nil) + "/tenant").Run(t.Context()); f.Status != doctor.Warn || !strings.Contains(f.Message, "404") {
		t.Errorf("without a document: %s %q", f.Status, f.Message)
	}
}
