package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/pause"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/store"
	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

const (
	// loadRetry is the time between two attempts to prepare the services, while
	// what they need is not there yet.
	loadRetry = 250 * time.Millisecond
	// readyPeriod is how often readiness is looked at.
	readyPeriod = 20 * time.Millisecond
)

// errBehind ends the servers when something that they need has failed.
var errBehind = errors.New("a part in the background has failed")

// Serve answers until ctx ends, and then lets what runs finish. First the process
// says that it is not ready, while it still answers; then it takes no more; what
// keeps its answers true goes on to the end. announce is called once it is ready.
func (p *Process) Serve(ctx context.Context, announce func() error) error {
	behind, stopBehind := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBehind()
	background, behind := errgroup.WithContext(behind)
	for _, run := range p.background() {
		background.Go(func() error { return run(behind) })
	}
	servers, front := errgroup.WithContext(ctx)
	context.AfterFunc(front, func() { p.draining.Store(true) })
	for _, run := range p.servers() {
		servers.Go(func() error { return run(front) })
	}
	servers.Go(func() error {
		if !p.waitReady(front) {
			return nil
		}
		// Before anybody is told: callers over gRPC look at it first.
		p.grpc.SetServing(true)
		return announce()
	})
	// What fails behind ends the servers as well.
	servers.Go(func() error {
		select {
		case <-behind.Done():
			return errBehind
		case <-front.Done():
			return nil
		}
	})
	err := servers.Wait()
	stopBehind()
	if failed := background.Wait(); failed != nil {
		return failed
	}
	return err
}

// servers answer requests.
func (p *Process) servers() []store.Runner {
	drain := p.config.Drain
	list := []store.Runner{func(ctx context.Context) error { return serveHTTP(ctx, p.internal, p.listeners.Internal, drain) }}
	if p.roles.ServeGRPC() {
		list = append(list, func(ctx context.Context) error { return p.grpc.Serve(ctx, p.listeners.GRPC) })
	}
	if p.http != nil {
		list = append(list, func(ctx context.Context) error {
			return serveHTTP(ctx, p.http, gateway.Listen(p.http, p.listeners.HTTP), drain)
		})
	}
	return list
}

// background is what keeps the answers true.
func (p *Process) background() []store.Runner {
	list := append([]store.Runner{p.load, p.sweeper.Run, p.reportHealth}, p.Runners...)
	list = append(list, p.Stores.Runners...)
	if p.replica != nil {
		list = append(list, p.follow, p.tuneCollector)
	}
	if p.Stores.Outbox != nil {
		list = append(list, p.relay)
	}
	for _, s := range p.services {
		if r, ok := s.(interface {
			Run(ctx context.Context) error
		}); ok {
			list = append(list, p.onceLoaded(r.Run))
		}
	}
	if p.Stores.Listen != nil {
		list = append(list, p.Stores.Listen(p.wakes()...))
	}
	return list
}

// follow keeps the restrictions current. Hints come first, so that none falls
// between the load and the subscription.
func (p *Process) follow(ctx context.Context) error {
	if err := p.hints.Subscribe(ctx, p.replica); err != nil {
		return err
	}
	return p.replica.Run(ctx)
}

// relay publishes the events of all services.
func (p *Process) relay(ctx context.Context) error {
	publisher, err := event.NewPublisher(p.Bus, event.StreamOptions{Replicas: p.config.NATS.Replicas}, p.log)
	if err != nil {
		return err
	}
	counters := p.Telemetry.Counters()
	r := event.Relay{
		Outbox: p.Stores.Outbox, Publisher: publisher, Wake: p.relayWake, Log: p.log,
		Observe: func(outcome string, events int) {
			for range events {
				counters.EventPublished(ctx, outcome == event.Published)
			}
		},
	}
	return r.Run(ctx)
}

// wakes are called when another process has committed something.
func (p *Process) wakes() []func() {
	var list []func()
	if p.replica != nil {
		list = append(list, p.replica.Nudge)
	}
	if p.Stores.Outbox != nil {
		list = append(list, p.relayWake.Set)
	}
	for _, s := range p.services {
		if w, ok := s.(interface{ Wake() }); ok {
			list = append(list, w.Wake)
		}
	}
	return list
}

// load prepares the services, however long what they need takes to appear: the
// processes of a system start in any order.
func (p *Process) load(ctx context.Context) error {
	for waiting := false; ctx.Err() == nil; waiting = true {
		err := p.services.load(ctx)
		if err == nil {
			p.loaded.Store(true)
			return nil
		}
		if ctx.Err() == nil && !p.waitsFor(err) {
			return fmt.Errorf("prepare the services: %w", err)
		}
		if !waiting {
			p.log.WarnContext(ctx, "the services wait for what they need", slog.Any("error", err))
		}
		pause.For(ctx, loadRetry)
	}
	return nil
}

// onceLoaded runs what needs prepared services.
func (p *Process) onceLoaded(run store.Runner) store.Runner {
	return func(ctx context.Context) error {
		for !p.loaded.Load() {
			if !pause.For(ctx, readyPeriod) {
				return nil
			}
		}
		return run(ctx)
	}
}

// waitsFor reports whether err may go away by itself: what is needed is not there
// yet.
func (p *Process) waitsFor(err error) bool {
	return p.unavailable(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, oauth.TemporarilyUnavailable) || errors.Is(err, fault.Unavailable)
}

// ready says whether requests should come here.
func (p *Process) ready() bool { return p.serving() && p.databaseUsable() }

// serving says whether requests are answered as well as the database lets it.
func (p *Process) serving() bool {
	return p.loaded.Load() && !p.draining.Load() && (p.replica == nil || p.replica.Ready())
}

// databaseUsable says whether every database that the roles work with answers.
func (p *Process) databaseUsable() bool {
	for _, monitor := range p.Stores.Monitors {
		if !monitor.Usable() {
			return false
		}
	}
	return true
}

// waitReady reports whether the process has become ready before ctx has ended.
func (p *Process) waitReady(ctx context.Context) bool {
	for !p.ready() {
		if !pause.For(ctx, readyPeriod) {
			return false
		}
	}
	return true
}

// reportHealth tells callers over gRPC what the probes are told over HTTP. A
// process without a database says so, and gets calls only while no other process has
// one. That it ends, the server itself says.
func (p *Process) reportHealth(ctx context.Context) error {
	for serving, struggling := false, false; ; {
		if now := p.serving(); now != serving && !p.draining.Load() {
			serving = now
			p.grpc.SetServing(serving)
		}
		if now := !p.databaseUsable(); now != struggling {
			struggling = now
			p.grpc.SetStruggling(struggling)
		}
		if !pause.For(ctx, readyPeriod) {
			return nil
		}
	}
}

// serveHTTP serves until ctx is done, goes on for a while so that callers can turn
// away first, and lets requests that run finish.
func serveHTTP(ctx context.Context, server *http.Server, listener net.Listener, drain config.Drain) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve http: %w", err)
	case <-ctx.Done():
	}
	ctx = context.WithoutCancel(ctx)
	pause.For(ctx, drain.Delay)
	ctx, cancel := context.WithTimeout(ctx, drain.Timeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("drain http: %w", err), server.Close())
	}
	return nil
}
