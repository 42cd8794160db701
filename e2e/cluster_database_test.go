package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/e2e/cluster"
)

// resets is how often the connections to the database are reset under load.
const resets = 20

// connectionsAreReset is N328: what a client is told may be repeated, and is no 500.
func connectionsAreReset(t *testing.T, f *fleet) {
	l := newLoad(t, f, 2)
	end := l.run(t, l.mixed()...)
	for range resets {
		for _, link := range f.databases {
			link.Reset()
		}
		l.goOn(t)
	}
	tick(t, persistence, "the load has something to check", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.revoked) > 0 && len(l.alive) > 0
	})
	end()
	l.checkAcknowledged(t)
}

// saysReady is what a process says of itself.
func saysReady(t *testing.T, p *cluster.Process) bool {
	t.Helper()
	resp, _ := ask(t, http.MethodGet, "http://"+p.Internal+"/readyz", nil)
	return resp.StatusCode == http.StatusOK
}

// logInsAreRefused is N329.
func logInsAreRefused(t *testing.T, f *fleet) {
	token := clientToken(t, f.s)
	if resp, body := ask(t, http.MethodGet, f.Issuer+"/.well-known/jwks.json", nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("the key set: %d %s", resp.StatusCode, body)
	}
	f.sql(t, `ALTER ROLE chancery_token NOLOGIN`)
	f.sql(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'chancery_token'`)
	began := time.Now()
	for _, p := range f.Processes("token") {
		tick(t, settled, p.Name+" says that it has no database", func() bool { return !saysReady(t, p) })
	}
	t.Logf("%d processes have noticed after %s", len(f.Processes("token")), time.Since(began))

	for _, role := range []string{"gateway", "introspection", "registry"} {
		for _, p := range f.Processes(role) {
			if !saysReady(t, p) {
				t.Errorf("%s, which can work, says that it cannot", p.Name)
			}
		}
	}
	if resp, body := ask(t, http.MethodGet, f.Issuer+"/.well-known/jwks.json", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("the key set: %d %s", resp.StatusCode, body)
	}
	for _, r := range f.replicas(t) {
		r.answersActive(t, token)
	}
	// A gateway that never had the key set gets it from a process without a database.
	for _, p := range f.Processes("gateway")[:1] {
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if resp, body := ask(t, http.MethodGet, "http://"+p.HTTP+"/.well-known/jwks.json", nil); resp.StatusCode != http.StatusOK {
			t.Errorf("the key set of %s: %d %s", p.Name, resp.StatusCode, body)
		}
	}

	f.sql(t, `ALTER ROLE chancery_token LOGIN`)
	for _, p := range f.Processes("token") {
		tick(t, settled, p.Name+" is ready again", func() bool { return saysReady(t, p) })
	}
	clientToken(t, f.s)
}

// sql runs a statement as a superuser.
func (f *fleet) sql(t *testing.T, statement string) {
	t.Helper()
	if _, err := f.Postgres.SQL(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
