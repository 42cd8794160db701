package grpcserve

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/dns"
	"google.golang.org/grpc/status"
)

const (
	// replicasPolicy is the name of the load balancing policy of every connection.
	replicasPolicy = "chancery_replicas"
	// watchRetry is the time between two attempts to watch a replica.
	watchRetry = 100 * time.Millisecond
	// resolvePeriod is how often a name may be looked up again. A replica that
	// leaves has a successor, which its callers have to find. gRPC's own is 30 s.
	resolvePeriod = time.Second
)

// gRPC finds its policies by name, in a register that does not change later.
func init() {
	balancer.Register(replicasBuilder{})
	dns.SetMinResolutionInterval(resolvePeriod)
}

// condition is what a caller knows of a replica. Calls go to those in the best one.
type condition int

const (
	connecting condition = iota // it is not known yet whether it serves
	failed                      // it cannot be reached, or says that it does not serve
	silent                      // it used to give signs of life, and has stopped
	leaving                     // it is about to end, and still answers
	struggling                  // it answers, but has no database
	serving
)

// replicasBuilder implements balancer.Builder.
type replicasBuilder struct{}

// Name implements balancer.Builder.
func (replicasBuilder) Name() string { return replicasPolicy }

// Build implements balancer.Builder.
func (replicasBuilder) Build(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
	return &replicas{cc: cc, known: map[string]*replica{}}
}

// replicas shares the calls of one connection among the replicas of a service. It
// watches each one. One without a sign of life gets no calls, within two seconds
// and whatever its connection says. One that is about to end gets none either,
// as soon as there is another; until then it is used.
type replicas struct {
	cc   balancer.ClientConn
	next atomic.Uint32

	mu    sync.Mutex
	known map[string]*replica // by address
	err   error               // why none can be used
}

type replica struct {
	conn      balancer.SubConn
	condition condition
	unwatch   context.CancelFunc // no-op while it is not watched
	losses    atomic.Int64       // how often it was lost: its connection ended, or it fell silent
}

// UpdateClientConnState implements balancer.Balancer.
func (p *replicas) UpdateClientConnState(s balancer.ClientConnState) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	listed := map[string]bool{}
	for _, endpoint := range s.ResolverState.Endpoints {
		for _, address := range endpoint.Addresses {
			listed[address.Addr] = true
			if err := p.add(address); err != nil {
				return err
			}
		}
	}
	for address, r := range p.known {
		if !listed[address] {
			p.remove(address, r)
		}
	}
	defer p.update()
	if len(p.known) == 0 {
		p.err = errors.New("the service has no address")
		return balancer.ErrBadResolverState
	}
	return nil
}

// add connects to a replica, unless it is known.
func (p *replicas) add(address resolver.Address) error {
	if p.known[address.Addr] != nil {
		return nil
	}
	r := &replica{unwatch: func() {}}
	conn, err := p.cc.NewSubConn([]resolver.Address{address}, balancer.NewSubConnOptions{ //nolint:staticcheck // It is announced, and there is no other yet.
		StateListener: func(s balancer.SubConnState) { p.connected(address.Addr, r, s) },
	})
	if err != nil {
		return err
	}
	r.conn = conn
	p.known[address.Addr] = r
	conn.Connect()
	return nil
}

// remove lets the calls of a replica finish and forgets it.
func (p *replicas) remove(address string, r *replica) {
	delete(p.known, address)
	r.unwatch()
	r.conn.Shutdown()
}

// ResolverError implements balancer.Balancer. What is known is used on.
func (p *replicas) ResolverError(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) == 0 {
		p.err = err
		p.update()
	}
}

// UpdateSubConnState implements balancer.Balancer. Replicas have listeners instead.
func (*replicas) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle implements balancer.Balancer. No replica is ever idle.
func (*replicas) ExitIdle() {}

// Close implements balancer.Balancer.
func (p *replicas) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.known {
		r.unwatch()
	}
	clear(p.known)
}

// connected follows the connection to a replica.
func (p *replicas) connected(address string, r *replica, s balancer.SubConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[address] != r {
		return
	}
	r.unwatch()
	switch s.ConnectivityState {
	case connectivity.Ready:
		p.become(r, connecting)
		ctx, cancel := context.WithCancel(context.Background())
		r.unwatch = cancel
		go p.watch(ctx, r)
	case connectivity.TransientFailure:
		p.err = s.ConnectionError
		p.become(r, failed)
	default:
		if s.ConnectivityState == connectivity.Idle {
			r.conn.Connect()
		}
		// Until it is connected again, one that has failed remains so.
		if r.condition != failed {
			p.become(r, connecting)
		}
	}
}

// watch follows what a replica says of itself, until ctx ends.
func (p *replicas) watch(ctx context.Context, r *replica) {
	producer, closeProducer := r.conn.GetOrBuildProducer(channel{})
	defer closeProducer()
	conn, ok := producer.(grpc.ClientConnInterface)
	if !ok {
		return
	}
	client := healthv1.NewHealthClient(conn)
	retry := time.NewTicker(watchRetry)
	defer retry.Stop()
	for ctx.Err() == nil {
		p.hear(ctx, r, p.follow(ctx, r, client))
		select {
		case <-retry.C:
		case <-ctx.Done():
		}
	}
}

// hear judges the end of a watch.
func (p *replicas) hear(ctx context.Context, r *replica, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case status.Code(err) == codes.Unimplemented:
		p.become(r, serving) // It does not say, so it is not asked.
	case r.condition == connecting:
		p.err = errors.New(err.Error()) // without its status, which would be the call's
		p.become(r, failed)
	}
}

// follow watches a replica until the stream ends. One that repeats itself must go
// on doing so.
func (p *replicas) follow(ctx context.Context, r *replica, client healthv1.HealthClient) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Watch(ctx, &healthv1.HealthCheckRequest{Service: replicaHealth})
	if err != nil {
		return err
	}
	silence := time.AfterFunc(silenceTime, func() { p.says(ctx, r, silent) })
	silence.Stop()
	defer silence.Stop()
	repeats := false
	for last := connecting; ; {
		resp, err := stream.Recv()
		if err != nil {
			return err
		}
		said := conditionOf(resp.GetStatus())
		if repeats = repeats || said == last; repeats {
			silence.Reset(silenceTime)
		}
		last = said
		p.says(ctx, r, said)
	}
}

// conditionOf is what a server says of itself: see [Server.say].
func conditionOf(said healthv1.HealthCheckResponse_ServingStatus) condition {
	switch said {
	case healthv1.HealthCheckResponse_NOT_SERVING:
		return failed
	case healthv1.HealthCheckResponse_UNKNOWN:
		return leaving
	case saysStruggling:
		return struggling
	default:
		return serving // It does not know the question, and can be reached.
	}
}

// says notes what a replica says, or that it says nothing.
func (p *replicas) says(ctx context.Context, r *replica, c condition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil || r.condition == c {
		return
	}
	if c == failed {
		p.err = errors.New("it is not serving")
	}
	p.become(r, c)
}

// become puts a replica into a condition.
func (p *replicas) become(r *replica, c condition) {
	before := r.condition
	r.condition = c
	if before > silent && c <= silent {
		r.losses.Add(1)
	}
	if before == serving {
		p.cc.ResolveNow(resolver.ResolveNowOptions{})
	}
	p.update()
}

// update tells gRPC where calls go from now on: to the replicas in the best
// condition. Those that leave are told that they are not needed any more, by the
// end of the watch.
func (p *replicas) update() {
	best, unknown := failed, false
	var list []*replica
	for _, r := range p.known {
		unknown = unknown || r.condition == connecting
		if r.condition > best {
			best, list = r.condition, nil
		}
		if r.condition == best {
			list = append(list, r)
		}
	}
	switch {
	case best > failed:
		p.cc.UpdateState(balancer.State{ConnectivityState: connectivity.Ready, Picker: picker{list, &p.next}})
	case unknown:
		p.cc.UpdateState(balancer.State{ConnectivityState: connectivity.Connecting, Picker: base.NewErrPicker(balancer.ErrNoSubConnAvailable)})
	default:
		p.cc.UpdateState(balancer.State{ConnectivityState: connectivity.TransientFailure, Picker: base.NewErrPicker(p.err)})
	}
	for _, r := range p.known {
		if best == serving && r.condition == leaving {
			r.unwatch()
		}
	}
}

// picker takes replicas in turn.
type picker struct {
	replicas []*replica
	next     *atomic.Uint32
}

// Pick implements balancer.Picker.
func (p picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	r := p.replicas[int(p.next.Add(1))%len(p.replicas)]
	if a, ok := info.Ctx.Value(attemptKey{}).(*attempt); ok {
		a.replica, a.losses = r, r.losses.Load()
	}
	return balancer.PickResult{SubConn: r.conn}, nil
}

// channel makes calls on the connection to one replica.
type channel struct{}

// Build implements balancer.ProducerBuilder.
func (channel) Build(conn any) (producer balancer.Producer, closed func()) { return conn, func() {} }
