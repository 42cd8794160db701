package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

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

// adminFlags say which server an administrative command talks to, and as whom.
type adminFlags struct {
	dataFlag
	Server     string `help:"gRPC address of the server. Default: the one that serves the data folder." placeholder:"ADDR"`
	Credential string `help:"File with the admin credential. Default: the one below the data folder." placeholder:"FILE"`
	JSON       bool   `help:"Print JSON." name:"json"`
}

// serverInfo is what a running server says of itself below its data folder.
type serverInfo struct {
	Issuer   string `json:"issuer"`
	HTTP     string `json:"http"`
	GRPC     string `json:"grpc"`
	Internal string `json:"internal"`
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

// dial connects to the server. The caller closes the connection.
func (a adminFlags) dial() (*grpc.ClientConn, error) {
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
	conn, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithPerRPCCredentials(bearer{secret.Wrap(strings.TrimSpace(string(credential)))}),
		grpc.WithUnaryInterceptor(grpcserve.Client))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", target, err)
	}
	return conn, nil
}

// call connects and hands the connection to f.
func (a adminFlags) call(f func(conn *grpc.ClientConn) error) error {
	conn, err := a.dial()
	if err != nil {
		return err
	}
	return errors.Join(f(conn), conn.Close())
}

// adminOf returns a function that names a caller: admin for who presents the
// credential, and nobody otherwise.
func adminOf(credential secret.Secret) func(context.Context) grpcserve.Caller {
	want := credential.Digest()
	return func(ctx context.Context) grpcserve.Caller {
		md, _ := metadata.FromIncomingContext(ctx)
		values := md.Get("authorization")
		if len(values) != 1 {
			return ""
		}
		presented, ok := strings.CutPrefix(values[0], "Bearer ")
		if !ok || !secret.DigestOf(presented).Equal(want) {
			return ""
		}
		return grpcserve.Admin
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
