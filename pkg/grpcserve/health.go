package grpcserve

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// SetServing says whether calls should come here. A new server is serving; one
// that ends is not, whatever is set.
func (s *Server) SetServing(serving bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return
	}
	s.serving = serving
	s.sayNow()
}

// SetStruggling says whether most calls fail here, for want of a database. Our
// clients then prefer other replicas, and others are told that it is not serving.
// Where all struggle they are used: some calls need no database.
func (s *Server) SetStruggling(struggling bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return
	}
	s.struggling = struggling
	s.sayNow()
}

// sayNow tells what was last set.
func (s *Server) sayNow() {
	switch {
	case !s.serving:
		s.say(healthv1.HealthCheckResponse_NOT_SERVING, healthv1.HealthCheckResponse_NOT_SERVING)
	case s.struggling:
		s.say(healthv1.HealthCheckResponse_NOT_SERVING, saysStruggling)
	default:
		s.say(healthv1.HealthCheckResponse_SERVING, healthv1.HealthCheckResponse_SERVING)
	}
}

// leave says that the server is about to end. A client who has no other replica may
// go on using it, if it could be used until now.
func (s *Server) leave() (usable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	said := healthv1.HealthCheckResponse_NOT_SERVING
	if s.serving {
		said = healthv1.HealthCheckResponse_UNKNOWN
	}
	s.say(healthv1.HealthCheckResponse_NOT_SERVING, said)
	return s.serving
}

// say tells those who watch. Our own clients are also told of a server that leaves:
// UNKNOWN, since nobody else would use it.
func (s *Server) say(toAll, toClients healthv1.HealthCheckResponse_ServingStatus) {
	s.health.SetServingStatus("", toAll)
	s.health.SetServingStatus(replicaHealth, toClients)
}

// waitForClients waits until every client has another replica, which ends its
// watch. It does not wait forever: there may be no other.
func (s *Server) waitForClients() {
	giveUp := time.NewTimer(leaveTimeout)
	defer giveUp.Stop()
	look := time.NewTicker(leavePeriod)
	defer look.Stop()
	for s.clients.Load() > 0 {
		select {
		case <-look.C:
		case <-giveUp.C:
			return
		}
	}
}

// endWatch ends a stream when the server ends, which would wait for it.
func (s *Server) endWatch(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(s.watching, cancel)()
	w := &watch{ServerStream: stream, server: s, ctx: ctx}
	defer w.beats.Wait()
	defer cancel()
	return handler(service, w)
}

// watch is a stream that ends with the server. A client is told again and again,
// so that it misses a server that cannot.
type watch struct {
	grpc.ServerStream
	server  *Server
	ctx     context.Context //nolint:containedctx // grpc.ServerStream has it there
	repeats bool
	beats   sync.WaitGroup

	mu   sync.Mutex // of SendMsg
	last any
}

// Context implements grpc.ServerStream.
func (w *watch) Context() context.Context { return w.ctx }

// RecvMsg implements grpc.ServerStream.
func (w *watch) RecvMsg(m any) error {
	err := w.ServerStream.RecvMsg(m)
	if req, ok := m.(*healthv1.HealthCheckRequest); ok && err == nil && req.GetService() == replicaHealth {
		w.repeats = true
		w.beats.Go(w.beat)
	}
	return err
}

// SendMsg implements grpc.ServerStream. The first message goes out twice: by that
// a client knows that there will be more.
func (w *watch) SendMsg(m any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.repeats && w.last == nil {
		if err := w.ServerStream.SendMsg(m); err != nil {
			return err
		}
	}
	w.last = m
	return w.ServerStream.SendMsg(m)
}

// beat repeats what was last said, until the stream ends.
func (w *watch) beat() {
	w.server.clients.Add(1)
	defer w.server.clients.Add(-1)
	tick := time.NewTicker(beatTime)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			return
		}
		if err := w.again(); err != nil {
			return
		}
	}
}

func (w *watch) again() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		return nil
	}
	return w.ServerStream.SendMsg(w.last)
}
