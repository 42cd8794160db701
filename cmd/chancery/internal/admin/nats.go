package admin

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/peer"
)

// natsConn connects to where events are published: the servers of a configuration,
// or the one of the data folder. The caller closes the connection.
func (a *flags) natsConn() (*nats.Conn, error) {
	if a.Config != "" {
		return a.clusterNATS()
	}
	info, err := a.ReadServer()
	if err != nil {
		return nil, err
	}
	if info.NATS == "" {
		return nil, errors.New("this server does not say where its NATS is: name it with --nats")
	}
	password, err := os.ReadFile(info.NATSPasswordFile)
	if err != nil {
		return nil, fmt.Errorf("read the password for NATS: %w", err)
	}
	return dialNATS(info.NATS, nats.UserInfo(info.NATSUser, strings.TrimSpace(string(password))))
}

// clusterNATS connects with the certificate of the configuration.
func (a *flags) clusterNATS() (*nats.Conn, error) {
	cfg, err := config.Load(a.Config, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	if len(cfg.NATS.Servers) == 0 {
		return nil, fmt.Errorf("%s names no NATS servers", a.Config)
	}
	identity, err := peer.Identity(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return dialNATS(strings.Join(cfg.NATS.Servers, ","), nats.Secure(peer.NATSTLS(cfg, identity)))
}

// dialNATS connects to url for as long as the command runs.
func dialNATS(url string, options ...nats.Option) (*nats.Conn, error) {
	conn, err := nats.Connect(url, append(options, nats.Name("chancery command line"), nats.MaxReconnects(-1))...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err) // the URL may have a password
	}
	return conn, nil
}
