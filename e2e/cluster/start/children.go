package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/chancery-auth/chancery/e2e/cluster/balancer"
)

const (
	natsTimeout   = 30 * time.Second
	headerTimeout = 5 * time.Second
	drainTimeout  = 10 * time.Second
)

// natsCommand is a NATS server in this process.
type natsCommand struct {
	Config string `required:"" type:"existingfile"`
}

// Run implements the command.
func (c *natsCommand) Run(ctx context.Context) error {
	options, err := server.ProcessConfigFile(c.Config)
	if err != nil {
		return err
	}
	options.NoSigs = true
	s, err := server.NewServer(options)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	if !s.ReadyForConnections(natsTimeout) {
		return errors.New("the NATS server does not start")
	}
	<-ctx.Done()
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

// balancerCommand is a balancer in this process.
type balancerCommand struct {
	Listen  string   `required:""`
	Backend []string `required:"" help:"ADDRESS=INTERNAL of a gateway; may be repeated."`
}

// Run implements the command.
func (c *balancerCommand) Run(ctx context.Context) error {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	o := balancer.Options{Log: log}
	for _, text := range c.Backend {
		address, internal, ok := strings.Cut(text, "=")
		if !ok {
			return fmt.Errorf("--backend %s: want ADDRESS=INTERNAL", text)
		}
		o.Backends = append(o.Backends, balancer.Backend{Address: address, Internal: internal})
	}
	b := balancer.New(o)
	s := &http.Server{
		Handler: b, ReadHeaderTimeout: headerTimeout, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelInfo),
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	go b.Watch(ctx)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	return s.Shutdown(drain)
}
