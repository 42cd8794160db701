package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/deploy/cluster"
)

// faultPause is how long the load goes on after a fault, and after its end.
const faultPause = 400 * time.Millisecond

// killedProcesses kills one replica of each service in turn.
func killedProcesses(t *testing.T, f *fleet) {
	l := newLoad(t, f, 2)
	end := l.run(t, l.mixed()...)
	var made []string
	for i, role := range cluster.Roles() {
		made = append(made, f.createClient(t, fmt.Sprintf("Made before the %dth kill", i)))
		processes := f.Processes(role)
		victim := processes[i%len(processes)]
		if err := victim.Kill(); err != nil {
			t.Fatal(err)
		}
		l.goOn(t)
		if err := victim.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.goOn(t)
	}
	end()
	l.checkAcknowledged(t)
	for _, id := range made {
		f.checkClient(t, id)
	}
}

// goOn waits until the workers have done something after faultPause.
func (l *load) goOn(t *testing.T) {
	t.Helper()
	<-time.After(faultPause)
	before := l.done.Load()
	tick(t, persistence, "the load goes on", func() bool { return l.done.Load() > before })
}

// createClient registers a client, and returns its id once that is acknowledged.
func (f *fleet) createClient(t *testing.T, name string) string {
	t.Helper()
	return admin[struct {
		ClientID string `json:"client_id"`
	}](t, f, "client", "create", "--name", name, "--redirect-uri", "https://app.example/cb").ClientID
}

func (f *fleet) checkClient(t *testing.T, id string) {
	t.Helper()
	if _, err := f.Admin(t.Context(), "", "client", "get", id); err != nil {
		t.Errorf("a client that was created: %v", err)
	}
}

// databaseRestarts stops the database under load, and lets it crash as well.
func databaseRestarts(t *testing.T, f *fleet) {
	l := newLoad(t, f, 2)
	end := l.run(t, l.mixed()...)
	made := f.createClient(t, "Made before the restart")
	l.goOn(t)
	if err := f.Postgres.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.goOn(t)
	if err := f.Postgres.Crash(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.goOn(t)
	if err := f.Postgres.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range l.mixed() {
		l.goOn(t)
	}
	clientToken(t, f.s)
	t.Logf("a token is issued %s after the database takes connections again", time.Since(began))
	end()
	l.checkAcknowledged(t)
	f.checkClient(t, made)
}
