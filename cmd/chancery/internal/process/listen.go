package process

import (
	"context"
	"fmt"
	"net"
)

// Addresses are what a process listens to; empty for what it does not have.
type Addresses struct{ HTTP, GRPC, Internal string }

// Listeners are the open addresses. They open early, so that a port that is
// taken is found before anything is made.
type Listeners struct {
	HTTP, GRPC, Internal net.Listener
}

// Listen opens the addresses. The caller closes what it returns.
func Listen(ctx context.Context, a Addresses) (*Listeners, error) {
	var l Listeners
	var config net.ListenConfig
	for _, each := range []struct {
		to      *net.Listener
		what    string
		address string
	}{
		{&l.HTTP, "public HTTP", a.HTTP}, {&l.GRPC, "gRPC", a.GRPC}, {&l.Internal, "internal", a.Internal},
	} {
		if each.address == "" {
			continue
		}
		listener, err := config.Listen(ctx, "tcp", each.address)
		if err != nil {
			l.Close()
			return nil, fmt.Errorf("%s address %s: %w", each.what, each.address, err)
		}
		*each.to = listener
	}
	return &l, nil
}

// Close closes what is open; twice is no error.
func (l *Listeners) Close() {
	for _, listener := range []net.Listener{l.HTTP, l.GRPC, l.Internal} {
		if listener != nil {
			listener.Close()
		}
	}
}

// AddressOf is empty for what does not listen.
func AddressOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}
