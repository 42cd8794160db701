package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/bus"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/peer"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/process"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/store"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/mtls"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtrace"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// preparation connects to what the roles of a process need of other processes.
type preparation struct {
	ground   *process.Ground
	roles    roles.Set
	config   *config.Config
	identity *mtls.Identity
	log      *slog.Logger
}

// prepare fills g. What it opens is g's to close, also when it fails.
func prepare(ctx context.Context, g *process.Ground, r roles.Set, cfg *config.Config, log *slog.Logger) error {
	identity, err := peer.Identity(cfg, log)
	if err != nil {
		return err
	}
	if err := checkBusName(r, cfg, identity.Names()); err != nil {
		return err
	}
	g.Runners = append(g.Runners, identity.Watch)
	g.Identify = grpcserve.ByCertificate(identity.Domain())
	g.PeerNames = func(ctx context.Context) []string { return mtls.PeerNames(ctx, identity.Domain()) }
	g.GRPCTLS = identity.ServerTLS(clientCertificate(r))
	p := preparation{g, r, cfg, identity, log}
	for _, step := range []func(context.Context) error{p.telemetry, p.databases, p.keys, p.bus, p.remote, p.publicTLS} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	g.Telemetry.ObserveCertificate(identity.ExpireTime)
	return nil
}

// checkBusName refuses a certificate by which NATS would take the process for
// another role than the one that publishes events, or that hears of restrictions:
// it goes by the first name.
func checkBusName(r roles.Set, cfg *config.Config, names []string) error {
	if len(r) < 2 || len(names) == 0 || !strings.HasPrefix(cfg.NATS.Servers[0], "tls://") {
		return nil
	}
	for _, role := range []string{roles.Registry, roles.Introspection} {
		if r.Has(role) && names[0] != role {
			return fmt.Errorf("NATS knows this process as %s, the first name in its certificate, which lacks the rights of %s: run %s in a process of its own, or put its name first", names[0], role, role)
		}
	}
	return nil
}

// clientCertificate is what a server with the roles asks of its clients. Platform
// APIs may introspect with a token in place of a certificate, unless the process
// also has roles whose methods for anyone are the gateway's to guard.
func clientCertificate(r roles.Set) mtls.ClientCertificate {
	if r.Has(roles.Introspection) && !r.Has(roles.Token) && !r.Has(roles.Authorize) {
		return mtls.IfGiven
	}
	return mtls.Required
}

func (p preparation) telemetry(ctx context.Context) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read the host's name: %w", err)
	}
	t := p.config.Telemetry
	return p.ground.OpenTelemetry(ctx, telemetry.Options{
		Service: strings.Join(p.roles, ","), Instance: fmt.Sprintf("%s/%d", host, os.Getpid()),
		OTLP: t.OTLP, OTLPInsecure: t.OTLPInsecure, SampleRatio: t.SampleRatio, Log: p.log,
	})
}

// databases opens those of the roles.
func (p preparation) databases(ctx context.Context) error {
	urls := map[string]string{}
	for _, role := range p.roles {
		if role == roles.Gateway {
			continue
		}
		url, err := p.config.DatabaseOf(role).Resolve()
		if err != nil {
			return fmt.Errorf("database of %s: %w", role, err)
		}
		urls[role] = url.Reveal()
	}
	opened, err := store.OpenPostgres(ctx, urls, pg.Options{Tracer: pgtrace.QueryTracer(p.ground.Telemetry)}, p.log)
	if err != nil {
		return err
	}
	p.ground.Stores = opened
	p.ground.OnClose(opened.Close)
	return nil
}

// keys reads the keys that come from outside.
func (p preparation) keys(context.Context) (err error) {
	if p.roles.Has(roles.Token) {
		if p.ground.KEK, err = kek.Open(p.config.KeyEncryptionKey.URI()); err != nil {
			return err
		}
	}
	if p.roles.ServeGRPC() {
		p.ground.HintKey, err = p.config.NATS.HintKeyBytes()
	}
	return err
}

// bus connects to NATS.
func (p preparation) bus(ctx context.Context) error {
	if !p.roles.ServeGRPC() {
		return nil
	}
	nc, err := bus.Connect(ctx, p.config.NATS.Servers, peer.NATSTLS(p.config, p.identity), strings.Join(p.roles, ","), p.log)
	if err != nil {
		return err
	}
	p.ground.Bus = nc
	p.ground.OnClose(nc.Close)
	return nil
}

// remote makes the connections to the other roles.
func (p preparation) remote(context.Context) error {
	p.ground.Remote = map[string]grpc.ClientConnInterface{}
	for _, role := range config.Remote(p.roles) {
		conn, err := peer.Dial(p.config, p.identity, role)
		if err != nil {
			return err
		}
		p.ground.Remote[role] = conn
		p.ground.OnClose(func() { _ = conn.Close() })
	}
	return nil
}

// publicTLS reads the certificate of the public endpoints.
func (p preparation) publicTLS(context.Context) (err error) {
	if p.roles.Has(roles.Gateway) {
		p.ground.HTTPTLS, err = process.PublicTLS(p.config.Gateway.TLS.Certificate, p.config.Gateway.TLS.Key)
	}
	return err
}
