package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What scripts rely on: every command's answer in JSON.
func TestTheCommandLineIsAContract(t *testing.T) {
	s := start(t)
	type created struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	web := decode[created](t, s.chancery(t, "client", "create", "--name", "Web", "--type", "web", "--auth-method", "client_secret_post",
		"--redirect-uri", "https://app.example/cb", "--redirect-uri", "https://app.example/cb2", "--scope", "openid email",
		"--grant-type", "authorization_code", "--require-pkce=false", "--json"))
	if web.ClientID == "" || !strings.HasPrefix(web.ClientSecret, "chcs_") {
		t.Errorf("client create = %+v", web)
	}
	native := decode[created](t, s.chancery(t, "client", "create", "--name", "Native", "--type", "native", "--redirect-uri", "http://127.0.0.1/cb", "--json"))
	if native.ClientSecret != "" {
		t.Error("a native client has a secret")
	}
	stored := decode[struct {
		RedirectURIs []string `json:"redirect_uris"`
		RequirePKCE  *bool    `json:"require_pkce"`
		Scope        string
	}](t, s.chancery(t, "client", "get", web.ClientID, "--json"))
	if len(stored.RedirectURIs) != 2 || stored.RequirePKCE == nil || *stored.RequirePKCE || stored.Scope != "openid email" {
		t.Errorf("client get = %+v", stored)
	}
	added := decode[struct {
		SecretID     string `json:"secret_id"`
		ClientSecret string `json:"client_secret"`
	}](t, s.chancery(t, "client", "secret", "create", web.ClientID, "--json"))
	s.chancery(t, "client", "secret", "revoke", web.ClientID, added.SecretID)
	if out := s.chancery(t, "client", "list", "--json"); !strings.Contains(string(out), web.ClientID) || strings.Contains(string(out), web.ClientSecret) {
		t.Errorf("client list = %s", out)
	}
	s.chancery(t, "client", "update", web.ClientID, "--name", "Renamed")
	s.chancery(t, "client", "delete", web.ClientID)
	if _, err := s.try("", "client", "get", web.ClientID); exitCode(err) != 1 {
		t.Errorf("get of a deleted client: exit code %d (%v), want 1", exitCode(err), err)
	}
}

func TestUsersWorkspacesAndMembersOnTheCommandLine(t *testing.T) {
	s := start(t)
	claims := filepath.Join(t.TempDir(), "claims.json")
	if err := os.WriteFile(claims, []byte(`{"locale":"de"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := s.try("correct horse battery\n", "user", "create", "--username", "ada", "--password-stdin", "--name", "Ada", "--email", "ada@example.com", "--claims", claims, "--json")
	if err != nil {
		t.Fatal(err)
	}
	user := decode[struct{ Sub string }](t, out)
	if _, err := s.try("correct horse battery\n", "user", "create", "--username", "ada", "--password-stdin"); exitCode(err) != 1 {
		t.Errorf("a second user of one name: %v, want exit code 1", err)
	}
	workspace := decode[struct {
		WorkspaceID string `json:"workspace_id"`
	}](t, s.chancery(t, "workspace", "create", "--name", "Lab", "--json"))
	project := decode[struct {
		ProjectID string `json:"project_id"`
	}](t, s.chancery(t, "project", "create", "--workspace", workspace.WorkspaceID, "--name", "Engine", "--json"))
	s.chancery(t, "member", "create", "--workspace", workspace.WorkspaceID, "--subject", user.Sub, "--role", "viewer")
	s.chancery(t, "member", "set-role", "--workspace", workspace.WorkspaceID, "--subject", user.Sub, "--role", "admin")
	if out := s.chancery(t, "member", "list", "--workspace", workspace.WorkspaceID, "--json"); !strings.Contains(string(out), `"role":"admin"`) {
		t.Errorf("member list = %s", out)
	}
	if out := s.chancery(t, "project", "list", "--workspace", workspace.WorkspaceID); !strings.Contains(string(out), project.ProjectID) {
		t.Errorf("project list = %s", out)
	}
	s.chancery(t, "project", "delete", project.ProjectID)
	s.chancery(t, "member", "delete", "--workspace", workspace.WorkspaceID, "--subject", user.Sub)
	s.chancery(t, "workspace", "delete", workspace.WorkspaceID)
	s.chancery(t, "user", "disable", user.Sub)
	if out := s.chancery(t, "user", "list"); !strings.Contains(string(out), "disabled") {
		t.Errorf("user list = %s", out)
	}
	if out := s.chancery(t, "session", "list", "--subject", s.Demo.User.Sub, "--json"); string(out) != `{"sessions":[]}`+"\n" {
		t.Errorf("session list = %s", out)
	}
}

// A wrong value is status 1 and one sentence; a wrong command line is status 2.
func TestExitCodes(t *testing.T) {
	s := start(t)
	tests := []struct {
		name string
		args []string
		want int
		says string
	}{
		{"a role that is none", []string{"member", "set-role", "--workspace", s.Demo.Workspaces[0].ID, "--subject", s.Demo.User.Sub, "--role", "king"}, 1, "role"},
		{"a type that is none", []string{"client", "create", "--name", "X", "--type", "desktop"}, 1, "application_type"},
		{"a redirect URI that is refused", []string{"client", "create", "--name", "X", "--redirect-uri", "http://public.example/cb"}, 1, "redirect"},
		{"a native client with a secret", []string{"client", "create", "--name", "X", "--type", "native", "--redirect-uri", "http://127.0.0.1/cb", "--auth-method", "client_secret_basic"}, 1, "none"},
		{"a client that is not there", []string{"client", "delete", "nobody"}, 1, "no such client"},
		{"a grant that is not there", []string{"grant", "revoke", "00000000-0000-4000-8000-000000000000"}, 1, "grant"},
		{"an id that is none", []string{"grant", "revoke", "x"}, 1, "grant_id"},
		{"an unknown flag", []string{"client", "list", "--colour"}, 2, "unknown flag"},
		{"an unknown command", []string{"clients"}, 2, "unexpected"},
		{"a missing argument", []string{"client", "get"}, 2, "client-id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.try("", tt.args...)
			if got := exitCode(err); got != tt.want {
				t.Fatalf("exit code %d (%v), want %d", got, err, tt.want)
			}
			var failed *commandError
			if !errors.As(err, &failed) {
				t.Fatal(err)
			}
			said := failed.stderr
			if !strings.Contains(said, tt.says) || tt.want == 1 && strings.Count(said, "\n") != 1 {
				t.Errorf("it says %q, want one line with %q", said, tt.says)
			}
		})
	}
}

// N286: what is administrative needs the admin credential, which no client has.
func TestN286_AdministrationNeedsTheCredential(t *testing.T) {
	s := start(t)
	forged := filepath.Join(t.TempDir(), "credential")
	for _, credential := range []string{"", "chad_wrong", clientToken(t, s)} {
		if err := os.WriteFile(forged, []byte(credential), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := s.try("", "client", "list", "--credential", forged); exitCode(err) != 1 || len(out) > 0 {
			t.Errorf("with the credential %.8q: %s, %v", credential, out, err)
		}
	}
	if out, err := s.try("", "client", "list", "--server", s.GRPC, "--credential", s.AdminCredential); err != nil {
		t.Errorf("with the right one: %s, %v", out, err)
	}
	if info, err := os.Stat(s.AdminCredential); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the credential's file: %v, %v", info.Mode(), err)
	}
}

// N289: what would not be safe does not start, and says why.
func TestN289_ServeRefuses(t *testing.T) {
	s := start(t)
	tests := []struct {
		name string
		args []string
		says string
	}{
		{"a folder that is served", []string{"--data", s.data}, "another server runs"},
		{"a demo for everybody", []string{"--demo", "--http", "0.0.0.0:0"}, "--demo"},
		{"an address for everybody without https", []string{"--http", "0.0.0.0:0"}, "--issuer"},
		{"an issuer without https", []string{"--issuer", "http://as.example"}, "https"},
		{"an issuer with a slash", []string{"--issuer", "https://as.example/"}, "slash"},
		{"gRPC for everybody in plain text", []string{"--grpc", "0.0.0.0:0"}, "loopback"},
		{"a certificate without its key", []string{"--tls-cert", "main_test.go"}, "--tls-key"},
		{"a proxy that is no range", []string{"--trusted-proxy", "proxy.example"}, "--trusted-proxy"},
		{"traces for another machine in plain text", []string{"--otlp", "collector.example:4317"}, "--otlp"},
		{"a level that is none", []string{"--log-level", "loud"}, "--log-level"},
		{"a key-encryption key that is not there", []string{"--kek", "env:NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"}, tt.args...)
			out, err := exec.Command(program(), args...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.says) {
				t.Errorf("serve = %v: %s, want it to say %q", err, out, tt.says)
			}
		})
	}
}

func TestStatusFollowsTheServer(t *testing.T) {
	s := start(t)
	status := decode[struct {
		Ready    bool
		Issuer   string
		Database string
	}](t, s.chancery(t, "status", "--json"))
	if !status.Ready || status.Issuer != s.Issuer || status.Database != "sqlite" {
		t.Errorf("status = %+v", status)
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	if _, err := s.try("", "status"); exitCode(err) != 1 || !strings.Contains(err.Error(), "no server is running") {
		t.Errorf("status of a stopped server: %v", err)
	}
}

func TestMigrateIsAStepOfItsOwnOnPostgres(t *testing.T) {
	for _, db := range databases() {
		if db.name != "postgres" {
			continue
		}
		flags := db.flags(t)
		for range 2 { // applying nothing is no error
			if out, err := exec.Command(program(), "migrate", "up", flags[0], flags[1]).CombinedOutput(); err != nil {
				t.Fatalf("migrate up: %v\n%s", err, out)
			}
		}
		out, err := exec.Command(program(), "migrate", "status", flags[0], flags[1], "--json").Output()
		var status struct{ Pending int }
		if err != nil || json.Unmarshal(out, &status) != nil || status.Pending != 0 || !strings.Contains(string(out), `"set":"token"`) {
			t.Errorf("migrate status = %s, %v", out, err)
		}
	}
}

// N256: with a certificate, only TLS 1.2 and later with AEAD suites is spoken.
func TestN256_TLS(t *testing.T) {
	certificate, key, roots := makeCertificate(t)
	s := start(t, "--tls-cert", certificate, "--tls-key", key)
	if !strings.HasPrefix(s.Issuer, "https://localhost:") {
		t.Errorf("issuer = %s", s.Issuer)
	}
	ask := func(config *tls.Config) error {
		config.RootCAs = roots
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
		resp, err := client.Get(s.Issuer + "/.well-known/openid-configuration")
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	accepted := []*tls.Config{
		{MinVersion: tls.VersionTLS13},
		{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12},
	}
	for _, config := range accepted {
		if err := ask(config); err != nil {
			t.Errorf("TLS %x is refused: %v", config.MinVersion, err)
		}
	}
	refused := []*tls.Config{
		{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}},
	}
	for _, config := range refused {
		if err := ask(config); err == nil {
			t.Errorf("TLS up to %x with suites %v is accepted", config.MaxVersion, config.CipherSuites)
		}
	}
	resp, err := http.Get("http://" + s.HTTP + "/.well-known/openid-configuration")
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP answers %d", resp.StatusCode)
		}
	}
}

// makeCertificate makes a self-signed certificate for localhost.
func makeCertificate(t *testing.T) (certificate, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return certificate, key, roots
}
