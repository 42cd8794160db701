// Command start runs Chancery as a cluster of processes on this machine, and
// stops it. See package cluster for what it consists of.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line.
type commands struct {
	Up       upCommand       `cmd:"" help:"Start the cluster, and leave it running."`
	Stop     stopCommand     `cmd:"" help:"Stop it. What it has stored stays."`
	Status   statusCommand   `cmd:"" help:"List its processes."`
	NATS     natsCommand     `cmd:"" name:"nats" hidden:"" help:"Be a NATS server."`
	Balancer balancerCommand `cmd:"" hidden:"" help:"Be the balancer."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var c commands
	parsed := kong.Parse(&c, kong.Name("cluster"), kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Description("Chancery as a cluster of processes on this machine."))
	err := parsed.Run()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}
