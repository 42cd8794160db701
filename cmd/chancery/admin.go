package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/cmd/chancery/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/peer"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// adminFlags say which server an administrative command talks to, and as whom.
type adminFlags struct {
	folder.Folder
	Server     string `help:"gRPC address of the server. Default: the one that serves the data folder." placeholder:"ADDR"`
	Credential string `help:"File with the admin credential. Default: the one below the data folder." placeholder:"FILE"`
	Config     string `help:"Configuration of a cluster, with a certificate for the role of admin: talk to its services in place of a server." placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	JSON       bool   `help:"Print JSON." name:"json"`
}

// call connects and hands the connection to f.
func (a adminFlags) call(f func(conn grpc.ClientConnInterface) error) error {
	conns, err := a.dial()
	if err != nil {
		return err
	}
	defer conns.close()
	return f(conns.route())
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
func (a adminFlags) dial() (connections, error) {
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

func (a adminFlags) dialCluster() (connections, error) {
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
func (a adminFlags) dialServer() (*grpc.ClientConn, error) {
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
