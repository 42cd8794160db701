// Package admin has the commands that ask the services of a running installation.
package admin

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/peer"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// flags say which server an administrative command talks to, and as whom.
type flags struct {
	folder.Folder
	Server     string `help:"gRPC address of the server. Default: the one that serves the data folder." placeholder:"ADDR"`
	Credential string `help:"File with the admin credential. Default: the one below the data folder." placeholder:"FILE"`
	Config     string `help:"Configuration of a cluster, with a certificate for the role of admin: talk to its services in place of a server." placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	JSON       bool   `help:"Print JSON." name:"json"`

	conns connections
}

// Invoke implements [grpc.ClientConnInterface]: the flags are the connection that
// they name. The first call makes it, and Close ends it.
func (a *flags) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	conn, err := a.connect()
	if err != nil {
		return err
	}
	return conn.Invoke(ctx, method, args, reply, options...)
}

// NewStream implements [grpc.ClientConnInterface].
func (a *flags) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	conn, err := a.connect()
	if err != nil {
		return nil, err
	}
	return conn.NewStream(ctx, desc, method, options...)
}

// Close ends the connection, if there is one.
func (a *flags) Close() error {
	a.conns.close()
	a.conns = nil
	return nil
}

func (a *flags) connect() (conn grpc.ClientConnInterface, err error) {
	if a.conns == nil {
		if a.conns, err = a.dial(); err != nil {
			return nil, err
		}
	}
	return a.conns.route(), nil
}

// connections lead to the services of a system, by role.
type connections map[string]*grpc.ClientConn

// route sends each call to the service that has its method.
func (c connections) route() grpc.ClientConnInterface {
	routes := make(map[string]grpc.ClientConnInterface, len(c))
	for role, conn := range c {
		routes[role] = conn
	}
	return grpcserve.Route(routes)
}

func (c connections) close() {
	for _, conn := range c {
		conn.Close()
	}
}

// dial connects to every service: over mutual TLS to the targets of a
// configuration, or to the one server of a data folder.
func (a *flags) dial() (connections, error) {
	if a.Config != "" {
		return a.dialCluster()
	}
	conn, err := a.dialServer()
	if err != nil {
		return nil, err
	}
	conns := connections{}
	for _, role := range roles.All() {
		conns[role] = conn
	}
	return conns, nil
}

func (a *flags) dialCluster() (connections, error) {
	cfg, err := config.Load(a.Config, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	identity, err := peer.Identity(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	conns := connections{}
	for _, role := range roles.All() {
		if role == roles.Gateway {
			continue
		}
		if conns[role], err = peer.Dial(cfg, identity, role); err != nil {
			conns.close()
			return nil, err
		}
	}
	return conns, nil
}

// dialServer connects to the server that serves the data folder, or that --server
// names.
func (a *flags) dialServer() (*grpc.ClientConn, error) {
	target := a.Server
	if target == "" {
		info, err := a.ReadServer()
		if err != nil {
			return nil, err
		}
		target = info.GRPC
	}
	path := a.Credential
	if path == "" {
		path = a.CredentialFile()
	}
	credential, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the admin credential: %w", err)
	}
	return grpcserve.Dial(
		grpcserve.Target{Address: target, Role: "server"},
		grpc.WithPerRPCCredentials(folder.Bearer{Credential: secret.Wrap(strings.TrimSpace(string(credential)))}))
}

// done says what has become of something, unless err says that nothing has.
func (a *flags) done(s terminal.Streams, verb, id string, err error) error {
	if err != nil {
		return err
	}
	if a.JSON {
		return terminal.JSON(s.Out, map[string]string{verb: id})
	}
	fmt.Fprintf(s.Out, "%s %s\n", verb, id)
	return nil
}
