package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/e2e/cluster"
)

const (
	// faultPause is how long the load goes on after a fault, and after its end.
	faultPause = 400 * time.Millisecond
	// noticed is when callers have noticed that a replica hangs, on a busy machine.
	// Its connections alone would say so after 13 seconds.
	noticed = 10 * time.Second
	// inARow is how many requests that succeed say so, each within a second.
	inARow = 20
	// frozenTime is how long the load then goes on.
	frozenTime = 2 * time.Second
)

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

// frozenReplicas stops one replica of each service in turn, without ending it. Once
// that is noticed, less than one request in a hundred fails, and no answer is wrong.
func frozenReplicas(t *testing.T, f *fleet) {
	l := newLoad(t, f, 1)
	l.strict = true
	answer, err := l.token(t.Context(), l.keeper, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {l.refresh[0]}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.issue(t.Context()); err != nil {
		t.Fatal(err)
	}
	requests := []func(context.Context) error{
		l.introspect, l.issue, func(ctx context.Context) error { return l.userinfo(ctx, answer.AccessToken) },
	}
	for _, role := range cluster.Roles() {
		victim := f.Processes(role)[0]
		if err := victim.Pause(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		tick(t, noticed, victim.Name+" is missed", func() bool { return succeed(t, requests) })
		took := time.Since(began)
		made, failed := l.count(t, requests)
		t.Logf("%s is frozen: noticed after %s, then %d of %d requests fail", victim.Name, took, failed, made)
		if made < 100 || failed*100 > made {
			t.Errorf("%s is frozen: %d of %d requests fail", victim.Name, failed, made)
		}
		if err := victim.Resume(); err != nil {
			t.Fatal(err)
		}
		tick(t, settled, "all is well again", func() bool { return succeed(t, requests) })
	}
}

// succeed reports whether requests in a row succeed, each within a second.
func succeed(t *testing.T, requests []func(context.Context) error) bool {
	t.Helper()
	for i := range inARow {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := requests[i%len(requests)](ctx)
		cancel()
		if errors.Is(err, errWrong) {
			t.Error(err)
		}
		if err != nil {
			return false
		}
	}
	return true
}

// count makes requests for frozenTime, and returns how many failed. A wrong answer
// fails the test.
func (l *load) count(t *testing.T, requests []func(context.Context) error) (made, failed int64) {
	t.Helper()
	var m, bad atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), frozenTime)
	defer cancel()
	var workers sync.WaitGroup
	for _, request := range slices.Repeat(requests, 3) {
		workers.Go(func() {
			l.worker(ctx, func(ctx context.Context) error {
				m.Add(1)
				err := request(ctx)
				if errors.Is(err, errWrong) {
					t.Error(err)
				}
				if err != nil {
					bad.Add(1)
					t.Log(err)
				}
				return nil
			})
		})
	}
	workers.Wait()
	return m.Load(), bad.Load()
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
