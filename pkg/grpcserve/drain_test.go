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
	"google.golang.org/grpc/stats"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/tcpproxy"
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
	return newReplicaAt(t, "127.0.0.1:0", drain)
}

func newReplicaAt(t *testing.T, address string, drain grpcserve.Drain) *replica {
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
	r.address, r.stop = serveAt(t, address, r.server)
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

// A call whose answer has begun is repeated like one without.
func TestCallWhoseServerDiesAfterTheHeadersIsRepeated(t *testing.T) {
	begun := make(chan struct{})
	var calls atomic.Int64
	var addresses []string
	for range 2 {
		server, err := grpcserve.NewServer(quiet(), nil)
		if err != nil {
			t.Fatal(err)
		}
		(&script{getSubject: func(ctx context.Context, _ *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
			if calls.Add(1) > 1 {
				return &directoryv1.GetSubjectResponse{}, nil
			}
			if err := grpc.SendHeader(ctx, nil); err != nil {
				t.Error(err)
			}
			<-begun
			go server.Stop()
			<-ctx.Done()
			return nil, ctx.Err()
		}}).register(server)
		address, _ := serve(t, server)
		addresses = append(addresses, address)
	}
	conn, err := grpcserve.Dial(target(addresses...), grpc.WithPerRPCCredentials(named("token")), grpc.WithStatsHandler(headers{begun}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_, err = directoryv1.NewDirectoryServiceClient(conn).GetSubject(t.Context(), &directoryv1.GetSubjectRequest{})
	if err != nil || calls.Load() != 2 {
		t.Errorf("%v after %d calls, want success with the second", err, calls.Load())
	}
}

// headers waits for the first header of the first answer to a call.
type headers struct{ begun chan struct{} }

func (headers) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, headers{}, info.FullMethodName)
}

func (h headers) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if _, ok := s.(*stats.InHeader); !ok || ctx.Value(headers{}) != directoryv1.DirectoryService_GetSubject_FullMethodName {
		return
	}
	select {
	case <-h.begun:
	default:
		close(h.begun)
	}
}

func (headers) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (headers) HandleConn(context.Context, stats.ConnStats) {}

// One after the other is replaced, the next as soon as the one before listens
// again: callers who tried to reach it meanwhile may not have it yet.
func TestN325_ReplicasMayBeReplacedAsFastAsTheyStart(t *testing.T) {
	replicas := []*replica{newReplica(t, grpcserve.Drain{}), newReplica(t, grpcserve.Drain{})}
	to := target(replicas[0].address, replicas[1].address)
	var clients []tokenv1.TokenServiceClient
	for range 4 {
		clients = append(clients, tokenv1.NewTokenServiceClient(connect(t, to, "gateway")))
	}
	var next atomic.Int64
	// It may not be repeated.
	made, failed := under(t, func() error {
		_, err := clients[next.Add(1)%int64(len(clients))].Exchange(context.Background(), &tokenv1.ExchangeRequest{})
		return err
	}, func() {
		waitFor(t, func() bool { return replicas[0].calls.Load() > 100 && replicas[1].calls.Load() > 100 })
		for i := range 6 {
			r := &replicas[i%2]
			if err := (*r).stop(); err != nil {
				t.Error(err)
			}
			*r = newReplicaAt(t, (*r).address, grpcserve.Drain{})
		}
	})
	if failed > 0 {
		t.Errorf("%d of %d calls fail", failed, made)
	}
}

func TestN325_ServerWithoutAnotherEndsAllTheSame(t *testing.T) {
	only := newReplica(t, grpcserve.Drain{})
	client := tokenv1.NewTokenServiceClient(connect(t, target(only.address), "gateway"))
	exchange := func() error {
		_, err := client.Exchange(t.Context(), &tokenv1.ExchangeRequest{})
		return err
	}
	if err := exchange(); err != nil {
		t.Fatal(err)
	}
	if err := only.stop(); err != nil {
		t.Error(err)
	}
	if err := exchange(); !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("error = %v, want temporarily_unavailable", err)
	}
}

// A server that was not ready is of no use while it ends, and one that was is.
func TestN325_LeavingReplicaIsUsedUntilThereIsAnother(t *testing.T) {
	for was, want := range map[bool]bool{true: true, false: false} {
		r := newReplica(t, grpcserve.Drain{Delay: time.Second})
		r.server.SetServing(was)
		client := tokenv1.NewTokenServiceClient(connect(t, target(r.address), "gateway"))
		exchange := func() error {
			_, err := client.Exchange(t.Context(), &tokenv1.ExchangeRequest{})
			return err
		}
		if err := exchange(); (err == nil) != was {
			t.Fatalf("before: %v, want success: %v", err, was)
		}
		watcher, err := healthv1.NewHealthClient(dial(t, r.address, "")).Watch(t.Context(), &healthv1.HealthCheckRequest{Service: "chancery.replica"})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- r.stop() }()
		left := map[bool]healthv1.HealthCheckResponse_ServingStatus{
			true: healthv1.HealthCheckResponse_UNKNOWN, false: healthv1.HealthCheckResponse_NOT_SERVING,
		}[was]
		for said := healthv1.HealthCheckResponse_SERVICE_UNKNOWN; said != left; {
			resp, err := watcher.Recv()
			if err != nil {
				t.Fatal(err)
			}
			said = resp.GetStatus()
		}
		if err := exchange(); (err == nil) != want {
			t.Errorf("while it leaves: %v, want success: %v", err, want)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// A replica that hangs keeps its connections. Calls that may be repeated fail at no
// time, and others not once the silence is noticed.
func TestN327_SilentReplicaGetsNoCalls(t *testing.T) {
	hangs, other := newReplica(t, grpcserve.Drain{}), newReplica(t, grpcserve.Drain{})
	link := tcpproxy.Start(t, hangs.address)
	conn := connect(t, target(link.Addr(), other.address), "token")
	repeated, tokens := directoryv1.NewDirectoryServiceClient(conn), tokenv1.NewTokenServiceClient(connect(t, target(link.Addr(), other.address), "gateway"))
	exchange := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := tokens.Exchange(ctx, &tokenv1.ExchangeRequest{})
		return err
	}
	made, failed := under(t, func() error {
		_, err := repeated.GetSubject(context.Background(), &directoryv1.GetSubjectRequest{})
		return err
	}, func() {
		waitFor(t, func() bool { return exchange() == nil && hangs.calls.Load() > 100 && other.calls.Load() > 100 })
		link.BlackHole()
		waitFor(t, func() bool {
			for range 8 {
				if exchange() != nil {
					return false
				}
			}
			return true
		})
		for range 100 {
			if err := exchange(); err != nil {
				t.Errorf("after that: %v", err)
			}
		}
		link.Heal()
		before := hangs.calls.Load()
		waitFor(t, func() bool { return hangs.calls.Load() > before+100 })
	})
	if failed > 0 {
		t.Errorf("%d of %d calls that may be repeated fail", failed, made)
	}
}

// An attempt has a deadline of its own: a call that hangs where others are answered
// is made again in time.
func TestN327_CallThatHangsIsRepeatedInTime(t *testing.T) {
	tr := &transport{script: &script{}, log: &safeBuffer{}}
	overNetwork(t, tr, quiet())
	var calls atomic.Int64
	hang := func(ctx context.Context) error {
		if calls.Add(1) > 1 {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	tr.script.getSubject = func(ctx context.Context, _ *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
		return &directoryv1.GetSubjectResponse{}, hang(ctx)
	}
	tr.script.exchange = func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		return &tokenv1.ExchangeResponse{}, hang(ctx)
	}
	if _, err := directoryv1.NewDirectoryServiceClient(connect(t, target(tr.address), "token")).GetSubject(t.Context(), &directoryv1.GetSubjectRequest{}); err != nil || calls.Load() != 2 {
		t.Errorf("a call that may be repeated: %v after %d calls, want success with the second", err, calls.Load())
	}
	calls.Store(0)
	if _, err := tokenv1.NewTokenServiceClient(connect(t, target(tr.address), "gateway")).Exchange(t.Context(), &tokenv1.ExchangeRequest{}); !errors.Is(err, oauth.TemporarilyUnavailable) || calls.Load() != 1 {
		t.Errorf("a call that may not: %v after %d calls, want temporarily_unavailable after one", err, calls.Load())
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
