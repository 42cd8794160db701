package grpcserve

import (
	"context"
	"errors"
	"net"
	"sync"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
)

// Limits are how often one source may call what is open to anyone. A source is a
// name in a certificate, or the address block of a peer without one.
type Limits struct {
	// Limiter counts. Nil: nothing is limited.
	Limiter *ratelimit.Limiter
	// Clients and Holders are calls a second: of the methods in which a client
	// authenticates itself, and of the others. [rate.Inf] is no limit.
	Clients, Holders rate.Limit
}

// byClient is a request in which a client authenticates itself.
type byClient interface {
	GetClientId() string
	GetClientSecret() string
}

// limited refuses calls of a source that makes too many. Chancery's own processes
// are no source: the edge has counted what it hands on.
func limited(l Limits) grpc.UnaryServerInterceptor {
	clients := ratelimit.Class{Name: ratelimit.CallClients, Rate: l.Clients}
	holders := ratelimit.Class{Name: ratelimit.CallHolders, Rate: l.Holders}
	wrong := ratelimit.WrongClientsClass()
	if l.Clients == rate.Inf {
		wrong = ratelimit.Class{}
	}
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		caller, _ := CallerOf(ctx)
		if ownCallers()[caller] || !mayCall(info.FullMethod, Anyone) {
			return handler(ctx, req)
		}
		from := sourceOf(ctx, caller)
		client, authenticates := req.(byClient)
		if !authenticates {
			if err := l.Limiter.Take(ctx, holders, from); err != nil {
				return nil, err
			}
			return handler(ctx, req)
		}
		if err := l.Limiter.Take(ctx, clients, from); err != nil {
			return nil, err
		}
		// As at the edge: who has the name of a client and not its secret is held up
		// at that address, and the client is not elsewhere.
		from += " " + client.GetClientId()
		if err := l.Limiter.Check(ctx, wrong, from); err != nil {
			return nil, err
		}
		resp, err := handler(ctx, req)
		if errors.Is(err, oauth.InvalidClient) {
			_ = l.Limiter.Take(ctx, wrong, from) // what it refuses is the next call
		}
		return resp, err
	}
}

// sourceOf is who calls, or from where.
func sourceOf(ctx context.Context, caller Caller) string {
	if caller != "" {
		return string(caller)
	}
	if p, ok := peer.FromContext(ctx); ok {
		return blockOf(p.Addr)
	}
	return ""
}

// blockOf is the source that an address stands for, empty for none of TCP.
func blockOf(address net.Addr) string {
	if tcp, ok := address.(*net.TCPAddr); ok {
		return ratelimit.Block(tcp.AddrPort().Addr())
	}
	return ""
}

// ownCallers are the callers that contracts name, other than anyone: Chancery's own
// processes, and administrators.
var ownCallers = sync.OnceValue(func() map[Caller]bool {
	own := make(map[Caller]bool)
	for _, names := range allowed() {
		for _, name := range names {
			own[Caller(name)] = Caller(name) != Anyone
		}
	}
	return own
})
