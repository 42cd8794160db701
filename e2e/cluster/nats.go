package cluster

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	natsconf "github.com/chancery-auth/chancery/deploy/nats"
)

const (
	natsName    = "nats" // in certificates
	natsServers = 3
)

// NATS is one of the message servers. It is ready when it takes clients, which
// may be before the servers have agreed on a leader.
type NATS struct {
	*Process

	// Client is where clients connect, as host:port.
	Client string

	route, monitor string
}

// addNATS chooses the addresses of the servers.
func (c *Cluster) addNATS(ctx context.Context) error {
	for i := range natsServers {
		n := &NATS{Process: c.process(numbered(natsName, i))}
		c.NATS = append(c.NATS, n)
		for suffix, address := range map[string]*string{"": &n.Client, " route": &n.route, " monitor": &n.monitor} {
			if err := c.choose(ctx, n.Name+suffix, address); err != nil {
				return err
			}
		}
	}
	return nil
}

// startNATS starts the servers and waits until they have agreed on a leader.
func (c *Cluster) startNATS(ctx context.Context) error {
	path := c.layout.file("config", "nats.conf")
	if err := os.WriteFile(path, natsconf.Config(), 0o600); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, n := range c.NATS {
		variables := c.natsVariables(n)
		command := c.self("nats", "--config", path)
		n.command = func() *exec.Cmd {
			cmd := command()
			cmd.Env = append(os.Environ(), variables...)
			return cmd
		}
		n.ready = probe("http://" + n.monitor + "/healthz?js-enabled-only=true")
		n.signal, n.death = syscall.SIGTERM, syscall.SIGKILL
		group.Go(func() error {
			if err := n.Start(groupCtx); err != nil {
				return err
			}
			return n.agreed(groupCtx)
		})
	}
	return group.Wait()
}

// agreed returns when the server knows the leader.
func (n *NATS) agreed(ctx context.Context) error {
	healthy := probe("http://" + n.monitor + "/healthz")
	tick := time.NewTicker(readyPeriod)
	defer tick.Stop()
	for {
		err := healthy(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// natsVariables are those that nats.conf names, as values of its language.
func (c *Cluster) natsVariables(n *NATS) []string {
	routes := make([]string, len(c.NATS))
	for i, each := range c.NATS {
		routes[i] = strconv.Quote("tls://" + each.route)
	}
	variables := []string{"NATS_ROUTES=[" + strings.Join(routes, ", ") + "]"}
	for _, v := range [][2]string{
		{"NATS_NAME", n.Name},
		{"NATS_LISTEN", n.Client},
		{"NATS_CLUSTER_LISTEN", n.route},
		{"NATS_MONITOR", n.monitor},
		{"NATS_STORE", c.layout.file("nats", n.Name)},
		{"NATS_AUTHORITY", c.AuthorityFile()},
		{"NATS_CERTIFICATE", c.layout.file("tls", n.Name, "tls.crt")},
		{"NATS_KEY", c.layout.file("tls", n.Name, "tls.key")},
	} {
		variables = append(variables, v[0]+"="+strconv.Quote(v[1]))
	}
	return variables
}
