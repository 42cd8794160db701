package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/cmd/chancery/config"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// dataFlag names the folder that a server keeps everything in.
type dataFlag struct {
	Data string `help:"Folder of the server's data." default:"data" type:"path" env:"CHANCERY_DATA"`
}

// Files below the data folder.
func (d dataFlag) database() string   { return filepath.Join(d.Data, "chancery.db") }
func (d dataFlag) kek() string        { return filepath.Join(d.Data, "key-encryption.key") }
func (d dataFlag) credential() string { return filepath.Join(d.Data, "admin.credential") }
func (d dataFlag) server() string     { return filepath.Join(d.Data, "server.json") }
func (d dataFlag) demo() string       { return filepath.Join(d.Data, "demo.json") }
func (d dataFlag) lock() string       { return filepath.Join(d.Data, "lock") }
func (d dataFlag) streams() string    { return filepath.Join(d.Data, "streams") }
func (d dataFlag) busPassword() string {
	return filepath.Join(d.Data, "nats.password")
}

// adminFlags say which server an administrative command talks to, and as whom.
type adminFlags struct {
	dataFlag
	Server     string `help:"gRPC address of the server. Default: the one that serves the data folder." placeholder:"ADDR"`
	Credential string `help:"File with the admin credential. Default: the one below the data folder." placeholder:"FILE"`
	Config     string `help:"Configuration of a cluster, with a certificate for the role of admin: talk to its services in place of a server." placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	JSON       bool   `help:"Print JSON." name:"json"`
}

// serverInfo is what a running server says of itself below its data folder.
type serverInfo struct {
	Issuer   string `json:"issuer"`
	HTTP     string `json:"http"`
	GRPC     string `json:"grpc"`
	Internal string `json:"internal"`
	// NATS is where events are read; NATSUser and NATSPasswordFile let in.
	NATS             string `json:"nats_url"`
	NATSUser         string `json:"nats_user"`
	NATSPasswordFile string `json:"nats_password_file"`
}

// readServerInfo finds the server that serves the data folder.
func (d dataFlag) readServerInfo() (serverInfo, error) {
	content, err := os.ReadFile(d.server())
	if errors.Is(err, fs.ErrNotExist) {
		return serverInfo{}, fmt.Errorf("no server is running on %s: start one with 'chancery serve --data %s', or name one with --server and --credential", d.Data, d.Data)
	}
	if err != nil {
		return serverInfo{}, err
	}
	var info serverInfo
	if err := json.Unmarshal(content, &info); err != nil {
		return serverInfo{}, fmt.Errorf("read %s: %w", d.server(), err)
	}
	return info, nil
}

// bearer presents the admin credential with every call.
type bearer struct{ credential secret.Secret }

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.credential.Reveal()}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials. The server
// is on this machine unless --server says otherwise.
func (bearer) RequireTransportSecurity() bool { return false }

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
	for _, role := range allRoles() {
		conns[role] = conn
	}
	return conns, nil
}

func (a adminFlags) dialCluster() (connections, error) {
	cfg, err := config.Load(a.Config, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	identity, err := openIdentity(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	conns := connections{}
	for _, role := range allRoles() {
		if role == roleGateway {
			continue
		}
		if conns[role], err = dialRole(cfg, identity, role); err != nil {
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
		info, err := a.readServerInfo()
		if err != nil {
			return nil, err
		}
		target = info.GRPC
	}
	path := a.Credential
	if path == "" {
		path = a.credential()
	}
	credential, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the admin credential: %w", err)
	}
	return grpcserve.Dial(
		grpcserve.Target{Address: target, Role: "server"},
		grpc.WithPerRPCCredentials(bearer{secret.Wrap(strings.TrimSpace(string(credential)))}))
}

// adminOf returns a function that names a caller: admin for who presents the
// credential, and nobody otherwise.
func adminOf(credential secret.Secret) func(context.Context) []grpcserve.Caller {
	want := credential.Digest()
	return func(ctx context.Context) []grpcserve.Caller {
		md, _ := metadata.FromIncomingContext(ctx)
		values := md.Get("authorization")
		if len(values) != 1 {
			return nil
		}
		presented, ok := strings.CutPrefix(values[0], "Bearer ")
		if !ok || !secret.DigestOf(presented).Equal(want) {
			return nil
		}
		return []grpcserve.Caller{grpcserve.Admin}
	}
}

// openCredential reads the admin credential, and makes it when there is none.
func (d dataFlag) openCredential() (secret.Secret, error) {
	content, err := os.ReadFile(d.credential())
	if err == nil {
		return secret.Wrap(strings.TrimSpace(string(content))), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return secret.Secret{}, fmt.Errorf("read the admin credential: %w", err)
	}
	credential := secret.New("chad")
	if err := os.WriteFile(d.credential(), []byte(credential.Reveal()+"\n"), 0o600); err != nil {
		return secret.Secret{}, fmt.Errorf("write the admin credential: %w", err)
	}
	return credential, nil
}
