package process

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/build"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/store"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// Ground is what a process stands on: "serve" embeds it, "run" connects to it.
type Ground struct {
	Stores store.Stores
	KEK    *kek.Key // nil without the role of token
	Bus    *nats.Conn
	// HintKey authenticates restrictions on the bus; nil where the bus is within.
	HintKey []byte
	// Remote leads to the roles of other processes.
	Remote map[string]grpc.ClientConnInterface
	// GRPCTLS and httpTLS are nil for plain text.
	GRPCTLS, HTTPTLS *tls.Config
	// Demo is the path of the demo at the issuer's origin; empty for no demo.
	Demo string
	// Identify names the callers of a call from outside.
	Identify func(context.Context) []grpcserve.Caller
	// PeerNames are the names in the certificate of a call's peer; nil without
	// certificates.
	PeerNames func(context.Context) []string
	Telemetry *telemetry.Telemetry
	Runners   []store.Runner
	closers   []func()
}

// shutDownTimeout is how long the last spans may take to be sent.
const shutDownTimeout = 2 * time.Second

// OpenTelemetry starts the telemetry. It ends with a moment for what is still to be
// sent: a collector that is away must not keep the process.
func (g *Ground) OpenTelemetry(ctx context.Context, o telemetry.Options) (err error) {
	o.Version, _ = build.Version()
	o.Now = time.Now
	if g.Telemetry, err = telemetry.Setup(ctx, o); err != nil {
		return err
	}
	g.OnClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutDownTimeout)
		defer cancel()
		_ = g.Telemetry.Shutdown(ctx)
	})
	return nil
}

// OnClose has close call f.
func (g *Ground) OnClose(f func()) { g.closers = append(g.closers, f) }

// Close closes what is open, last first.
func (g *Ground) Close() {
	for i := len(g.closers) - 1; i >= 0; i-- {
		g.closers[i]()
	}
	g.closers = nil
}
