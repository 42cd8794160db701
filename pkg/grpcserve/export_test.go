package grpcserve

import (
	"net"

	"buf.build/go/protovalidate"
)

// Violation is what a caller is told of a violation.
func Violation(err *protovalidate.ValidationError) string { return violation(err) }

// Enter lets connections from sources into a room of so many one after the other, and
// returns how many of each have place in the end.
func Enter(most int, sources ...string) map[string]int {
	g := newGuard(Options{}, nil)
	g.strangers.most = most
	for _, source := range sources {
		local, remote := net.Pipe()
		defer remote.Close()
		g.enter(newEntry(local, g, source), g.strangers)
	}
	return g.strangers.sources
}
