package main

import (
	"context"
	"fmt"
	"net"
)

// addresses are what a process listens to; empty for what it does not have.
type addresses struct{ http, grpc, internal string }

// listeners are the open addresses. They open early, so that a port that is
// taken is found before anything is made.
type listeners struct {
	http, grpc, internal net.Listener
}

func listen(ctx context.Context, a addresses) (*listeners, error) {
	var l listeners
	var config net.ListenConfig
	for _, each := range []struct {
		to      *net.Listener
		what    string
		address string
	}{
		{&l.http, "public HTTP", a.http}, {&l.grpc, "gRPC", a.grpc}, {&l.internal, "internal", a.internal},
	} {
		if each.address == "" {
			continue
		}
		listener, err := config.Listen(ctx, "tcp", each.address)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("%s address %s: %w", each.what, each.address, err)
		}
		*each.to = listener
	}
	return &l, nil
}

// close closes what is open; twice is no error.
func (l *listeners) close() {
	for _, listener := range []net.Listener{l.http, l.grpc, l.internal} {
		if listener != nil {
			listener.Close()
		}
	}
}

// addressOf is empty for what does not listen.
func addressOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}
