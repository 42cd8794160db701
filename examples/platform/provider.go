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
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/resourceserver"
	"github.com/chancery-auth/chancery/pkg/secret"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// startTime bounds what is asked of the provider before serving.
const startTime = 10 * time.Second

// provider is the Chancery that the API belongs to.
//
// An API has its own client, and nothing else of the provider's. This one also uses
// the operator's credential, which it finds in the data folder: to register that
// client, and to read the names of users, workspaces and projects. A platform knows
// these by itself; the demo has them in Chancery's directory alone.
type provider struct {
	issuer      string
	scopes      []string
	conn        *grpc.ClientConn
	credentials resourceserver.Credentials
	operator    secret.Secret
}

// openProvider finds the server that serves the data folder.
func openProvider(ctx context.Context, data string) (*provider, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	var server struct {
		Issuer string `json:"issuer"`
		GRPC   string `json:"grpc"`
	}
	if err := readJSON(filepath.Join(data, "server.json"), &server); err != nil {
		return nil, fmt.Errorf("find the server, start it with 'chancery serve --demo --data %s': %w", data, err)
	}
	operator, err := os.ReadFile(filepath.Join(data, "admin.credential"))
	if err != nil {
		return nil, err
	}
	// On this machine, as chancery serve has it. A cluster speaks mutual TLS.
	conn, err := grpc.NewClient(server.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	p := &provider{issuer: server.Issuer, conn: conn, operator: secret.Wrap(strings.TrimSpace(string(operator)))}
	if p.scopes, err = discoverScopes(ctx, p.issuer); err == nil {
		p.credentials, err = p.enrol(ctx, filepath.Join(data, "platform-api.json"))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return p, nil
}

func (p *provider) close() { p.conn.Close() }

// discoverScopes reads what the provider publishes of itself (OIDC Discovery §3).
func discoverScopes(ctx context.Context, issuer string) ([]string, error) {
	published, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("discover the provider: %w", err)
	}
	var metadata struct {
		Scopes []string `json:"scopes_supported"`
	}
	return metadata.Scopes, published.Claims(&metadata)
}

// enrolled is what the API keeps of its client. The secret is shown once.
type enrolled struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// enrol returns the API's own client, and registers one unless there is one.
func (p *provider) enrol(ctx context.Context, file string) (resourceserver.Credentials, error) {
	var known enrolled
	err := readJSON(file, &known)
	if err == nil {
		_, err = p.registry().GetClient(p.asOperator(ctx), &registryv1.GetClientRequest{ClientId: known.ClientID})
	}
	if errors.Is(err, fs.ErrNotExist) || status.Code(err) == codes.NotFound {
		known, err = p.register(ctx, file)
	}
	if err != nil {
		return resourceserver.Credentials{}, fmt.Errorf("enrol as a client: %w", err)
	}
	return resourceserver.Credentials{ClientID: known.ClientID, ClientSecret: secret.Wrap(known.ClientSecret)}, nil
}

func (p *provider) register(ctx context.Context, file string) (enrolled, error) {
	made, err := p.registry().CreateClient(p.asOperator(ctx), &registryv1.CreateClientRequest{Client: &registryv1.Client{
		ClientName: "Platform API", ApplicationType: string(oauth.ApplicationWeb),
		GrantTypes: []string{oauth.GrantClientCredentials}, Scope: "introspect",
	}})
	if err != nil {
		return enrolled{}, err
	}
	e := enrolled{made.GetClient().GetClientId(), made.GetClientSecret()}
	content, err := json.Marshal(e) //nolint:gosec // The file is for this API alone.
	if err != nil {
		return enrolled{}, err
	}
	return e, os.WriteFile(file, content, 0o600)
}

func (p *provider) registry() registryv1.RegistryServiceClient {
	return registryv1.NewRegistryServiceClient(p.conn)
}

// asOperator presents the operator's credential.
func (p *provider) asOperator(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+p.operator.Reveal())
}

// standing implements directory.
func (p *provider) standing(ctx context.Context, access *resourceserver.Access) (*directoryv1.GetSubjectResponse, error) {
	return directoryv1.NewDirectoryServiceClient(p.conn).GetSubject(p.asOperator(ctx), &directoryv1.GetSubjectRequest{
		Sub: access.Sub, WorkspaceIds: idsOf(access.Workspaces), ProjectIds: idsOf(access.Projects),
	})
}

func idsOf(shared []resourceserver.Resource) []string {
	ids := make([]string, len(shared))
	for i, r := range shared {
		ids[i] = r.ID
	}
	return ids
}

func readJSON(file string, into any) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}
