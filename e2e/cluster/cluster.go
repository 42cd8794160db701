// Package cluster runs the production shape of Chancery on one machine: every
// service in several processes, PostgreSQL, three NATS servers, mutual TLS
// between all of them, and a balancer in front. It is for trying the shape out,
// and for tests that take parts of it away.
//
// Everything is below one folder, and every process is a child of the one that
// calls Start. The folder outlives the processes: the next start finds the data,
// the keys and the addresses of the last.
//
// It needs the programs of PostgreSQL on this machine: package pgserver says where
// it looks for them.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chancery-auth/chancery/pkg/mtls"
)

// stopTimeout bounds the end of one process, which may drain first.
const stopTimeout = 30 * time.Second

// Options say how to start a cluster.
type Options struct {
	// Dir is the folder that everything is in. It is made when it is not there.
	Dir string
	// Binary is the program chancery, and Self the program start of this
	// package: NATS servers and the balancer are processes of it.
	Binary, Self string
	// Log gets a line for each step. Nil means nobody.
	Log io.Writer
	// Now is the time, for certificates.
	Now func() time.Time
	// Port is that of the issuer, if it is free and the folder is new. Zero
	// means any.
	Port int
	// Revive starts again what dies by itself.
	Revive bool
	// PublishLead is how long a key is published before its use. Zero means as
	// long as chancery's default.
	PublishLead time.Duration
	// Unlimited lifts the gateways' limits on requests.
	Unlimited bool
	// Between returns the address at which a process is to find a server (of
	// PostgreSQL or NATS), given the names of both and the server's own address:
	// another one if a proxy stands between. Nil means none does.
	Between func(process, server, address string) string
}

// Cluster is a running one.
type Cluster struct {
	// Issuer is the address of the balancer, as a URL.
	Issuer string
	// Postgres is the database server.
	Postgres *Postgres
	// NATS are the message servers.
	NATS []*NATS
	// Balancer is the process in front of the gateways.
	Balancer *Process
	// Authority issues certificates that every process trusts.
	Authority *mtls.Authority

	o      Options
	layout layout
	ports  *ports
	report func(format string, args ...any)
	roles  map[string][]*Process
}

// Start starts a cluster and returns when all of it is ready. The caller stops
// it. What was started is stopped if something else fails.
func Start(ctx context.Context, o Options) (_ *Cluster, err error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	c := &Cluster{o: o, report: reporter(o.Log), roles: map[string][]*Process{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	for _, step := range []struct {
		says string
		run  func(context.Context) error
	}{
		{"choosing addresses, making keys and certificates", c.prepare},
		{"starting PostgreSQL", c.startPostgres},
		{"starting three NATS servers", c.startNATS},
		{"migrating the database", c.migrate},
		{"starting the services", c.startRoles},
		{"starting the balancer", c.startBalancer},
	} {
		c.report("%s", step.says)
		if err := step.run(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", step.says, err)
		}
	}
	return c, nil
}

// prepare makes what is needed before the first process starts.
func (c *Cluster) prepare(ctx context.Context) (err error) {
	if c.layout, err = newLayout(c.o.Dir); err != nil {
		return err
	}
	if c.ports, err = openPorts(c.layout.file("ports.json")); err != nil {
		return err
	}
	c.Balancer = c.process("balancer")
	c.ports.prefer(c.Balancer.Name, c.o.Port)
	if err := c.choose(ctx, c.Balancer.Name, &c.Balancer.HTTP); err != nil {
		return err
	}
	_, port, _ := strings.Cut(c.Balancer.HTTP, ":")
	c.Issuer = "http://localhost:" + port
	if err := c.addRoles(ctx); err != nil {
		return err
	}
	if err := c.addNATS(ctx); err != nil {
		return err
	}
	if err := c.makeKeys(); err != nil {
		return err
	}
	return c.certify()
}

// process is one of the cluster's, with what all have in common.
func (c *Cluster) process(name string) *Process {
	return &Process{
		Name: name, Log: c.layout.file("log", name+".log"), pidFile: c.layout.file("run", name+".pid"),
		report: c.report, revive: c.o.Revive,
	}
}

// choose finds an address.
func (c *Cluster) choose(ctx context.Context, name string, address *string) (err error) {
	*address, err = c.ports.address(ctx, name)
	return err
}

func (c *Cluster) startPostgres(ctx context.Context) error {
	var address string
	if err := c.choose(ctx, "postgres", &address); err != nil {
		return err
	}
	if err := c.ports.save(); err != nil {
		return err
	}
	var err error
	if c.Postgres, err = newPostgres(ctx, c.layout, address); err != nil {
		return err
	}
	c.Postgres.Process = c.Postgres.process(c.process("postgres"))
	if err := c.Postgres.Start(ctx); err != nil {
		return err
	}
	return c.Postgres.createDatabase(ctx)
}

// migrate brings the schema up to date, and lets each service at its own. The
// roles come first, for the owner of the schema is one, and once more after it:
// only then are there tables that services share.
func (c *Cluster) migrate(ctx context.Context) error {
	if err := c.Postgres.createRoles(ctx); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, c.o.Binary, "migrate", "up") //nolint:gosec // The caller's choice.
	cmd.Env = append(cmd.Environ(), "CHANCERY_DATABASE="+c.Postgres.URL())
	if _, err := runOnce(cmd, ""); err != nil {
		return err
	}
	return c.Postgres.createRoles(ctx)
}

// startRoles starts all chancery processes at once.
func (c *Cluster) startRoles(ctx context.Context) error {
	if err := c.configure(&Process{Name: admin}, admin); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for role, processes := range c.roles {
		for _, p := range processes {
			if err := c.configure(p, role); err != nil {
				return err
			}
			group.Go(func() error {
				if err := p.Start(groupCtx); err != nil {
					return err
				}
				c.report("  %s is ready", p.Name)
				return nil
			})
		}
	}
	return group.Wait()
}

func (c *Cluster) startBalancer(ctx context.Context) error {
	args := []string{"balancer", "--listen", c.Balancer.HTTP}
	for _, g := range c.roles[gateway] {
		args = append(args, "--backend", g.HTTP+"="+g.Internal)
	}
	c.Balancer.command = c.self(args...)
	c.Balancer.signal, c.Balancer.death = syscall.SIGTERM, syscall.SIGKILL
	c.Balancer.ready = probe(c.Issuer + "/.well-known/openid-configuration")
	return c.Balancer.Start(ctx)
}

// self is a command of this package's own program.
func (c *Cluster) self(args ...string) func() *exec.Cmd {
	return func() *exec.Cmd {
		return exec.Command(c.o.Self, args...) //nolint:gosec,noctx // It outlives whoever starts it.
	}
}

// Processes are those of a role, in the order of their numbers.
func (c *Cluster) Processes(role string) []*Process { return c.roles[role] }

// Services are all chancery processes, in the order of their start.
func (c *Cluster) Services() []*Process {
	var list []*Process
	for _, role := range Roles() {
		list = append(list, c.roles[role]...)
	}
	return list
}

// All are the processes of the cluster, in the order of their start.
func (c *Cluster) All() []*Process {
	var list []*Process
	if c.Postgres != nil && c.Postgres.Process != nil {
		list = append(list, c.Postgres.Process)
	}
	for _, n := range c.NATS {
		list = append(list, n.Process)
	}
	list = append(list, c.Services()...)
	if c.Balancer != nil {
		list = append(list, c.Balancer)
	}
	return list
}

// AdminConfig is the file that chancery's administrative commands take.
func (c *Cluster) AdminConfig() string { return c.config(admin) }

// Admin runs an administrative command, and returns what it printed.
func (c *Cluster) Admin(ctx context.Context, input string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.o.Binary, append(args, "--config", c.AdminConfig())...) //nolint:gosec // The caller's choice.
	return runOnce(cmd, input)
}

// Stop stops everything in the reverse order of the start: who calls before who
// is called.
func (c *Cluster) Stop() error {
	var errs []error
	all := c.All()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].PID() != 0 {
			c.report("stopping %s", all[i].Name)
		}
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		errs = append(errs, all[i].Stop(ctx))
		cancel()
	}
	return errors.Join(errs...)
}

// numbered is the name of one of several.
func numbered(kind string, i int) string { return kind + "-" + strconv.Itoa(i) }
