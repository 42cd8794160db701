// Package bus starts the NATS server of a process that has one within, and connects
// to those of a cluster.
package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
	"github.com/chancery-auth/chancery/pkg/secret"
)

const (
	// busTimeout is how long the embedded server may take to start.
	busTimeout = 5 * time.Second
	// User is who the embedded server lets in, with the password below the data
	// folder.
	User = "chancery"
	// A dead link is noticed after two pings without an answer; the library's own
	// two minutes would leave a replica with polls alone for as long.
	busPing     = 5 * time.Second
	busMaxPings = 2
	busWait     = 500 * time.Millisecond
)

// Embedded is a NATS server within this process, and a connection to it.
type Embedded struct {
	server *server.Server
	Conn   *nats.Conn
}

// Start starts a server that keeps its streams below the data folder. It
// listens on loopback, to whoever can read the password there.
func Start(d folder.Folder) (*Embedded, error) {
	password, err := openBusPassword(d)
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "chancery", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		Username: User, Password: password.Reveal(),
		JetStream: true, StoreDir: d.StreamsFolder(),
	})
	if err != nil {
		return nil, fmt.Errorf("make the embedded NATS server: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(busTimeout) {
		s.Shutdown()
		return nil, errors.New("the embedded NATS server does not start")
	}
	conn, err := nats.Connect("", nats.InProcessServer(s), nats.Name("chancery"), nats.UserInfo(User, password.Reveal()))
	if err != nil {
		s.Shutdown()
		return nil, fmt.Errorf("connect to the embedded NATS server: %w", err)
	}
	return &Embedded{s, conn}, nil
}

// Address is where programs on this machine reach the server.
func (b *Embedded) Address() string {
	_, port, err := net.SplitHostPort(b.server.Addr().String())
	if err != nil {
		return ""
	}
	return "nats://127.0.0.1:" + port
}

// Close ends the connection, and then the server.
func (b *Embedded) Close() {
	b.Conn.Close()
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// openBusPassword makes a password for every start: nobody needs an old one.
func openBusPassword(d folder.Folder) (secret.Secret, error) {
	password := secret.New("chnb")
	if err := os.WriteFile(d.BusPasswordFile(), []byte(password.Reveal()+"\n"), 0o600); err != nil {
		return secret.Secret{}, fmt.Errorf("write the password of the embedded NATS server: %w", err)
	}
	return password, nil
}

// Connect connects to the servers, or goes on trying in the background: the
// bus only makes fast what is true without it.
func Connect(ctx context.Context, servers []string, config *tls.Config, name string, log *slog.Logger) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("chancery " + name),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(busWait),
		nats.PingInterval(busPing), nats.MaxPingsOutstanding(busMaxPings),
		// Servers that do not know this process yet may know it after their next
		// configuration: without this, two refusals would end the connection for good.
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.WarnContext(ctx, "NATS is out of reach", slog.Any("error", err))
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			log.InfoContext(ctx, "NATS is within reach", slog.String("server", c.ConnectedUrlRedacted()))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.WarnContext(ctx, "NATS reports an error", slog.Any("error", err))
		}),
	}
	if config != nil {
		options = append(options, nats.Secure(config))
	}
	conn, err := nats.Connect(strings.Join(servers, ","), options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return conn, nil
}
