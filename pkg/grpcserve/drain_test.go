package grpcserve_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// replica is one of several servers of a service.
type replica struct {
	server  *grpcserve.Server
	address string
	stop    func() error
	calls   atomic.Int64
}

func newReplica(t *testing.T, drain grpcserve.Drain) *replica {
	t.Helper()
	r := &replica{}
	options := quiet()
	options.Drain = drain
	var err error
	if r.server, err = grpcserve.NewServer(options, nil); err != nil {
		t.Fatal(err)
	}
	(&script{
		exchange: func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
			r.calls.Add(1)
			return &tokenv1.ExchangeResponse{}, nil
		},
		getSubject: func(context.Context, *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
			r.calls.Add(1)
			return &directoryv1.GetSubjectResponse{}, nil
		},
	}).register(r.server)
	r.address, r.stop = serve(t, r.server)
	return r
}

// under calls all the time while f runs, and returns how many calls failed.
func under(t *testing.T, call func() error, f func()) (made, failed int64) {
	t.Helper()
	var m, bad atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for ctx.Err() == nil {
				m.Add(1)
				if err := call(); err != nil {
					bad.Add(1)
					t.Log(err)
				}
			}
		})
	}
	f()
	stop()
	load.Wait()
	return m.Load(), bad.Load()
}

func TestReplicaThatEndsFailsNoCall(t *testing.T) {
	one, two := newReplica(t, grpcserve.Drain{Delay: 300 * time.Millisecond, Timeout: 10 * time.Second}), newReplica(t, grpcserve.Drain{})
	conn := connect(t, target(one.address, two.address), "gateway")
	// It may not be repeated: only who is not sent anything any more can leave
	// without a failure.
	client := tokenv1.NewTokenServiceClient(conn)
	made, failed := under(t, func() error {
		_, err := client.Exchange(context.Background(), &tokenv1.ExchangeRequest{})
		return err
	}, func() {
		waitFor(t, func() bool { return one.calls.Load() > 100 && two.calls.Load() > 100 })
		if err := one.stop(); err != nil {
			t.Error(err)
		}
		after := two.calls.Load()
		waitFor(t, func() bool { return two.calls.Load() > after+100 })
	})
	if failed > 0 {
		t.Errorf("%d of %d calls fail", failed, made)
	}
}

// Neither a GOAWAY nor a connection that breaks fails a call that may be repeated.
func TestReplicaThatBreaksFailsNoCallThatMayBeRepeated(t *testing.T) {
	for name, end := range map[string]func(*replica){
		"it says goodbye": func(r *replica) { r.server.GracefulStop() },
		"it is gone":      func(r *replica) { r.server.Stop() },
	} {
		one, two := newReplica(t, grpcserve.Drain{}), newReplica(t, grpcserve.Drain{})
		client := directoryv1.NewDirectoryServiceClient(connect(t, target(one.address, two.address), "token"))
		made, failed := under(t, func() error {
			_, err := client.GetSubject(context.Background(), &directoryv1.GetSubjectRequest{})
			return err
		}, func() {
			waitFor(t, func() bool { return one.calls.Load() > 100 && two.calls.Load() > 100 })
			end(one)
			after := two.calls.Load()
			waitFor(t, func() bool { return two.calls.Load() > after+100 })
		})
		if failed > 0 {
			t.Errorf("%s: %d of %d calls fail", name, failed, made)
		}
	}
}

// waitFor waits until done, and fails the test when that takes too long.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 20_000 {
		if done() {
			return
		}
		<-tick.C
	}
	t.Error("it does not happen")
}

func TestCallsGoWhereItIsServing(t *testing.T) {
	one, two := newReplica(t, grpcserve.Drain{}), newReplica(t, grpcserve.Drain{})
	client := tokenv1.NewTokenServiceClient(connect(t, target(one.address, two.address), "gateway"))
	exchange := func() error {
		_, err := client.Exchange(t.Context(), &tokenv1.ExchangeRequest{})
		return err
	}
	waitFor(t, func() bool { return exchange() == nil && one.calls.Load() > 0 && two.calls.Load() > 0 })
	one.server.SetServing(false)
	waitFor(t, func() bool {
		before := one.calls.Load()
		for range 10 {
			if err := exchange(); err != nil {
				t.Error(err)
			}
		}
		return one.calls.Load() == before
	})
	one.server.SetServing(true)
	before := one.calls.Load()
	waitFor(t, func() bool { return exchange() == nil && one.calls.Load() > before })
	one.server.SetServing(false)
	two.server.SetServing(false)
	waitFor(t, func() bool { return errors.Is(exchange(), oauth.TemporarilyUnavailable) })
}

func TestHealthIsWatched(t *testing.T) {
	r := newReplica(t, grpcserve.Drain{Delay: time.Millisecond})
	stream, err := healthv1.NewHealthClient(dial(t, r.address, "")).Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	next := func(want healthv1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		if resp, err := stream.Recv(); err != nil || resp.GetStatus() != want {
			t.Fatalf("Recv() = %v, %v, want %v", resp.GetStatus(), err, want)
		}
	}
	next(healthv1.HealthCheckResponse_SERVING)
	r.server.SetServing(false)
	next(healthv1.HealthCheckResponse_NOT_SERVING)
	r.server.SetServing(true)
	next(healthv1.HealthCheckResponse_SERVING)
	// Who watches does not keep the server from ending.
	start := stream.Context()
	if err := r.stop(); err != nil || start.Err() != nil {
		t.Error(err, start.Err())
	}
	r.server.SetServing(true)
	for resp, err := stream.Recv(); err == nil; resp, err = stream.Recv() {
		if resp.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
			t.Errorf("a server that has ended is %v", resp.GetStatus())
		}
	}
}

func TestServerThatDrainsSaysSoAndAnswers(t *testing.T) {
	r := newReplica(t, grpcserve.Drain{Delay: time.Second})
	conn := dial(t, r.address, "gateway")
	stream, err := healthv1.NewHealthClient(conn).Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	go func() { stopped <- r.stop() }()
	if resp, err := stream.Recv(); err != nil || resp.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Fatalf("Recv() = %v, %v", resp, err)
	}
	if _, err := tokenv1.NewTokenServiceClient(conn).Exchange(t.Context(), &tokenv1.ExchangeRequest{}); err != nil {
		t.Errorf("a call while it drains: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestCallThatDoesNotEndIsEnded(t *testing.T) {
	entered := make(chan struct{})
	options := quiet()
	options.Drain = grpcserve.Drain{Timeout: 10 * time.Millisecond}
	server, err := grpcserve.NewServer(options, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{exchange: func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	s.register(server)
	address, stop := serve(t, server)
	answered := make(chan error, 1)
	conn := dial(t, address, "gateway")
	go func() {
		_, err := tokenv1.NewTokenServiceClient(conn).Exchange(context.Background(), &tokenv1.ExchangeRequest{})
		answered <- err
	}()
	<-entered
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := <-answered; !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("error = %v, want temporarily_unavailable", err)
	}
}

var _ grpc.ClientConnInterface = grpcserve.Route(nil)
