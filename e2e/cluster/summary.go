package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
)

// Summary is a cluster as a person sees it. It can be kept as JSON, and outlives
// what it is of.
type Summary struct {
	Issuer      string `json:"issuer"`
	AdminConfig string `json:"admin_config"`
	// PostgresURL has the password of the database's owner.
	PostgresURL string `json:"postgres_url"`
	NATS        string `json:"nats"`
	Logs        string `json:"logs"`
	Processes   []Line `json:"processes"`
	Demo        *Demo  `json:"demo"`
}

// Line is one process of a [Summary].
type Line struct {
	Name     string `json:"name"`
	Serves   string `json:"serves"`   // host:port
	Internal string `json:"internal"` // host:port; empty for none
	PIDFile  string `json:"pid_file"`
}

// Summary describes the cluster.
func (c *Cluster) Summary(demo *Demo) Summary {
	s := Summary{
		Issuer: c.Issuer, AdminConfig: c.AdminConfig(), PostgresURL: c.Postgres.URL(), Logs: c.layout.file("log"), Demo: demo,
	}
	serves := map[string]string{c.Postgres.Name: c.Postgres.address}
	var servers []string
	for _, n := range c.NATS {
		serves[n.Name] = n.Client
		servers = append(servers, "tls://"+n.Client)
	}
	s.NATS = strings.Join(servers, ",")
	for _, p := range c.All() {
		s.Processes = append(s.Processes, Line{p.Name, serves[p.Name] + p.GRPC + p.HTTP, p.Internal, p.pidFile})
	}
	return s
}

// PID is the process id, or 0 when the process does not run.
func (l Line) PID() int {
	content, err := os.ReadFile(l.PIDFile)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil || syscall.Kill(pid, 0) != nil {
		return 0
	}
	return pid
}

// state says in words how a process is.
func (l Line) state(ctx context.Context) string {
	switch {
	case l.PID() == 0:
		return "does not run"
	case l.Internal == "":
		return "runs"
	case probe("http://"+l.Internal+"/readyz")(ctx) != nil:
		return "not ready"
	default:
		return "ready"
	}
}

// Print writes where everything is, and how to begin.
func (s Summary) Print(ctx context.Context, w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nPROCESS\tSERVES\tINTERNAL\tPID\tSTATE")
	for _, l := range s.Processes {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", l.Name, l.Serves, l.Internal, l.PID(), l.state(ctx))
	}
	fmt.Fprintln(table)
	for _, row := range [][2]string{
		{"issuer", s.Issuer},
		{"discovery", s.Issuer + "/.well-known/openid-configuration"},
		{"administration", "bin/chancery client list --config " + s.AdminConfig},
		{"PostgreSQL", s.PostgresURL},
		{"NATS", s.NATS},
		{"logs", s.Logs},
	} {
		fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
	}
	if s.Demo != nil {
		fmt.Fprintf(table, "sign in\t%s / %s\n", s.Demo.User.Username, s.Demo.User.Password)
		fmt.Fprintf(table, "client\t%s / %s\n", s.Demo.Client.ClientID, s.Demo.Client.ClientSecret)
	}
	return table.Flush()
}
