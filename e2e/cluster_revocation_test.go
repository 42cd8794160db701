package e2e

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/e2e/cluster"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

const (
	// watched is how long replicas are asked on after the bound has passed.
	watched = 500 * time.Millisecond
	// settled is when a replica must have answered at the latest, however long
	// it may be unsure.
	settled = 20 * time.Second
	// sample is how many tokens are revoked in each situation.
	sample = 3
)

// replica is one of introspection, asked without the balancer and the gateway.
type replica struct {
	*cluster.Process

	client introspectionv1.IntrospectionServiceClient
}

// replicas are asked by an API of the platform, each on a connection of its own.
func (f *fleet) replicas(t *testing.T) []replica {
	t.Helper()
	var list []replica
	for _, p := range f.Processes("introspection") {
		conn := f.dialAs(t, cluster.Platform, "introspection", p)
		list = append(list, replica{p, introspectionv1.NewIntrospectionServiceClient(conn)})
	}
	return list
}

// active asks once. It fails when the replica cannot say.
func (r replica) active(ctx context.Context, token string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	answer, err := r.client.Introspect(ctx, &introspectionv1.IntrospectRequest{Token: token}, grpc.WaitForReady(true))
	return answer.GetActive(), err
}

// answersActive waits until the replica takes the token for active.
func (r replica) answersActive(t *testing.T, token string) {
	t.Helper()
	tick(t, settled, r.Name+" knows the token", func() bool {
		active, err := r.active(t.Context(), token)
		return err == nil && active
	})
}

// revoke revokes a token, and returns when that was acknowledged.
func (f *fleet) revoke(t *testing.T, token string) time.Time {
	t.Helper()
	tick(t, settled, "the revocation is acknowledged", func() bool {
		status, body := post(t, f.s, "/oauth/revoke", url.Values{"token": {token}})
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Fatalf("revoke answers %d: %s", status, body)
		}
		return status == http.StatusOK
	})
	return time.Now()
}

// forget asks a replica about a revoked token until it has been quiet for long
// enough: it must say that the token is not active, and must not say that it is
// once the bound has passed. It returns when the last answer of active began,
// after the acknowledgement.
func (r replica) forget(t *testing.T, token string, acknowledged time.Time) (staleness time.Duration) {
	t.Helper()
	inactive := false
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for range ticker.C {
		asked := time.Since(acknowledged)
		active, err := r.active(context.WithoutCancel(t.Context()), token)
		switch {
		case err == nil && active:
			staleness = asked
			if asked > bound {
				t.Errorf("%s says %s after the acknowledgement that the token is active", r.Name, asked)
				return staleness
			}
		case err == nil:
			inactive = true
		}
		if asked > bound+watched && inactive {
			return staleness
		}
		if asked > settled {
			t.Errorf("%s has not said within %s that the token is not active: %v", r.Name, settled, err)
			return staleness
		}
	}
	return staleness
}

// checkRevocation revokes tokens, and asks all replicas at the same time.
func (f *fleet) checkRevocation(t *testing.T, replicas []replica) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	worst := map[string]time.Duration{}
	for range sample {
		token := clientToken(t, f.s)
		for _, r := range replicas {
			r.answersActive(t, token)
		}
		acknowledged := f.revoke(t, token)
		for _, r := range replicas {
			wg.Go(func() {
				staleness := r.forget(t, token, acknowledged)
				mu.Lock()
				defer mu.Unlock()
				worst[r.Name] = max(worst[r.Name], staleness)
			})
		}
	}
	wg.Wait()
	t.Logf("last answer of active after the acknowledgement: %v", worst)
}

func revocationReachesEveryReplica(t *testing.T, f *fleet) {
	replicas := f.replicas(t)
	t.Run("with NATS", func(t *testing.T) { f.checkRevocation(t, replicas) })
	t.Run("T07 with NATS black-holed for one replica", func(t *testing.T) {
		for _, n := range f.NATS {
			f.links[n.Name].BlackHole()
		}
		f.checkRevocation(t, replicas)
		for _, n := range f.NATS {
			f.links[n.Name].Heal()
		}
	})
	t.Run("T06 without NATS", func(t *testing.T) {
		for _, n := range f.NATS {
			if err := n.Kill(); err != nil {
				t.Error(err)
			}
		}
		f.checkRevocation(t, replicas)
	})
	t.Run("with NATS again", func(t *testing.T) {
		f.recover(t)
		f.checkRevocation(t, replicas)
	})
}

// A replica that slept while a token was revoked is asked the moment it wakes.
func suspendedReplicaIsNotStale(t *testing.T, f *fleet) {
	replicas := f.replicas(t)
	sleeper := replicas[0]
	token := clientToken(t, f.s)
	sleeper.answersActive(t, token)
	if err := sleeper.Pause(); err != nil {
		t.Fatal(err)
	}
	acknowledged := f.revoke(t, token)
	waiting := replicas[1].forget(t, token, acknowledged) // takes longer than the bound
	if err := sleeper.Resume(); err != nil {
		t.Fatal(err)
	}
	sleeper.forget(t, token, acknowledged)
	t.Logf("a replica that was awake: %s", waiting)
}

// A replica that cannot reach the database stops calling tokens active, and no
// other does.
func replicaWithoutDatabase(t *testing.T, f *fleet) {
	replicas := f.replicas(t)
	i := slices.IndexFunc(replicas, func(r replica) bool { return r.Name == cutOff })
	lonely, other := replicas[i], replicas[(i+1)%len(replicas)]
	kept, revoked := clientToken(t, f.s), clientToken(t, f.s)
	for _, token := range []string{kept, revoked} {
		lonely.answersActive(t, token)
	}
	f.links[f.Postgres.Name].BlackHole()
	cut := time.Now()
	f.checkLapse(t, lonely, cut, kept)
	tick(t, settled, lonely.Name+" is not ready", func() bool {
		response, _ := ask(t, http.MethodGet, "http://"+lonely.Internal+"/readyz", nil)
		return response.StatusCode == http.StatusServiceUnavailable
	})
	acknowledged := f.revoke(t, revoked)
	other.answersActive(t, kept)
	f.links[f.Postgres.Name].Heal()
	lonely.answersActive(t, kept)
	lonely.forget(t, revoked, acknowledged)
}

// checkLapse asks until the lease of a replica has ended, and checks that it
// ended in time.
func (f *fleet) checkLapse(t *testing.T, r replica, cut time.Time, token string) {
	t.Helper()
	tick(t, settled, r.Name+" stops answering active", func() bool {
		asked := time.Since(cut)
		active, err := r.active(t.Context(), token)
		if err == nil && !active {
			t.Fatalf("%s says that a good token is not active", r.Name)
		}
		if err == nil && asked > bound {
			t.Fatalf("%s answers active %s after it lost the database", r.Name, asked)
		}
		return err != nil && asked > bound
	})
}
