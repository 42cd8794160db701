package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// chancery is a server with a data folder, that knows one token: "good".
type chancery struct {
	registryv1.UnimplementedRegistryServiceServer
	directoryv1.UnimplementedDirectoryServiceServer
	introspectionv1.UnimplementedIntrospectionServiceServer

	data string

	mu      sync.Mutex
	clients []string
}

func newChancery(t *testing.T) *chancery {
	t.Helper()
	c := &chancery{data: t.TempDir()}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	registryv1.RegisterRegistryServiceServer(server, c)
	directoryv1.RegisterDirectoryServiceServer(server, c)
	introspectionv1.RegisterIntrospectionServiceServer(server, c)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)

	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"issuer": web.URL, "scopes_supported": []string{"openid", "image:read"}})
	})
	c.write(t, "server.json", `{"issuer":"`+web.URL+`","grpc":"`+listener.Addr().String()+`"}`)
	c.write(t, "admin.credential", "chad_secret\n")
	return c
}

func (c *chancery) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.data, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func operator(ctx context.Context) error {
	if got := metadata.ValueFromIncomingContext(ctx, "authorization"); len(got) != 1 || got[0] != "Bearer chad_secret" {
		return status.Error(codes.PermissionDenied, "not the operator")
	}
	return nil
}

// CreateClient implements RegistryService.
func (c *chancery) CreateClient(ctx context.Context, req *registryv1.CreateClientRequest) (*registryv1.CreateClientResponse, error) {
	if err := operator(ctx); err != nil {
		return nil, err
	}
	if req.GetClient().GetScope() != "introspect" {
		return nil, status.Error(codes.InvalidArgument, "an API needs introspect, and nothing else")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	id := "client" + string(rune('0'+len(c.clients)))
	c.clients = append(c.clients, id)
	return &registryv1.CreateClientResponse{Client: &registryv1.Client{ClientId: id}, ClientSecret: "secret of " + id}, nil
}

// GetClient implements RegistryService: the last one made is there.
func (c *chancery) GetClient(ctx context.Context, req *registryv1.GetClientRequest) (*registryv1.GetClientResponse, error) {
	if err := operator(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.clients) == 0 || c.clients[len(c.clients)-1] != req.GetClientId() {
		return nil, status.Error(codes.NotFound, "no such client")
	}
	return &registryv1.GetClientResponse{}, nil
}

// GetSubject implements DirectoryService.
func (*chancery) GetSubject(ctx context.Context, req *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
	if err := operator(ctx); err != nil {
		return nil, err
	}
	return &directoryv1.GetSubjectResponse{
		Subject: &directoryv1.Subject{Sub: req.GetSub()},
		Memberships: []*directoryv1.Membership{
			{WorkspaceId: strings.Join(req.GetWorkspaceIds(), ","), WorkspaceName: "Acme"},
		},
	}, nil
}

// Introspect implements IntrospectionService.
func (*chancery) Introspect(ctx context.Context, req *introspectionv1.IntrospectRequest) (*introspectionv1.IntrospectResponse, error) {
	if len(metadata.ValueFromIncomingContext(ctx, "authorization")) > 0 || req.GetClientSecret() != "secret of "+req.GetClientId() {
		return nil, status.Error(codes.Unauthenticated, "who asks?")
	}
	if req.GetToken() != "good" {
		return &introspectionv1.IntrospectResponse{}, nil
	}
	scope, sub := "email profile image:read", "u1"
	return &introspectionv1.IntrospectResponse{
		Active: true, Scope: &scope, Sub: &sub, Workspaces: []*introspectionv1.ResourceRole{{Id: "w1", Role: "viewer"}},
	}, nil
}

// enrolledAs reads what the API keeps of its client.
func (c *chancery) enrolledAs(t *testing.T) string {
	t.Helper()
	file := filepath.Join(c.data, "platform-api.json")
	var e enrolled
	if err := readJSON(file, &e); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", file, info.Mode(), err)
	}
	return e.ClientID
}

func TestEnrolsOnce(t *testing.T) {
	c := newChancery(t)
	for _, want := range []string{"client0", "client0"} {
		p, err := openProvider(t.Context(), c.data)
		if err != nil {
			t.Fatal(err)
		}
		p.close()
		if got := c.enrolledAs(t); got != want {
			t.Errorf("enrolled as %s, want %s", got, want)
		}
	}
}

func TestEnrolsAgainWhenItsClientIsGone(t *testing.T) {
	c := newChancery(t)
	c.write(t, "platform-api.json", `{"client_id":"deleted","client_secret":"x"}`)
	p, err := openProvider(t.Context(), c.data)
	if err != nil {
		t.Fatal(err)
	}
	p.close()
	if got := c.enrolledAs(t); got != "client0" {
		t.Errorf("enrolled as %s", got)
	}
}

func TestSaysWhatIsMissing(t *testing.T) {
	_, err := openProvider(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "chancery serve --demo") {
		t.Errorf("without a server: %v", err)
	}
	c := newChancery(t)
	c.write(t, "admin.credential", "other")
	if _, err := openProvider(t.Context(), c.data); status.Code(err) != codes.PermissionDenied {
		t.Errorf("with another credential: %v", err)
	}
	c.write(t, "platform-api.json", "{")
	if _, err := openProvider(t.Context(), c.data); err == nil {
		t.Error("a broken file passes")
	}
}

// The whole process: from the ready line to its end.
func TestRun(t *testing.T) {
	c := newChancery(t)
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--data", c.data, "--http", "127.0.0.1:0", "--json"}, writer, io.Discard)
	}()
	line, err := bufio.NewReader(reader).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var r ready
	if err := json.Unmarshal(line, &r); err != nil || !r.Ready || r.ClientID != "client0" {
		t.Fatalf("ready line %s: %v", line, err)
	}
	for token, want := range map[string]int{"good": http.StatusOK, "other": http.StatusUnauthorized} {
		for path, body := range map[string]string{
			"/v1/workspaces/w1/images": "",
			"/graphql":                 `{"query":"{me {workspaces {id name}}}"}`,
		} {
			if got, text := request(t, "http://"+r.HTTP+path, token, body); got != want || want == 200 && body != "" && !strings.Contains(text, `{"id":"w1","name":"Acme"}`) {
				t.Errorf("%s with %s: %d %s", path, token, got, text)
			}
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("run() = %v", err)
	}
}

func request(t *testing.T, address, token, body string) (code int, text string) {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}
