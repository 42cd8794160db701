package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/provider"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/single"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/deploy/presets"
)

// served is a server of the test's own, with a demo.
type served struct {
	single.Ready
	t   *testing.T
	dir string
}

// serve starts a server and waits until it is ready. It ends with the test.
func serve(t *testing.T, args ...string) served {
	t.Helper()
	s := served{t: t, dir: t.TempDir()}
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var stderr lines
	var wg sync.WaitGroup
	wg.Go(func() {
		all := append([]string{"serve", "--demo", "--json", "--data", s.dir, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"}, args...)
		if code := run(ctx, all, terminal.Streams{In: strings.NewReader(""), Out: w, Err: &stderr}); code != 0 {
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
		_ = w.Close()
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s.Ready)
	}
	if err != nil {
		t.Fatalf("%v: %s%s", err, line, stderr.String())
	}
	return s
}

// get returns the body of a page that is there.
func (s served) get(url string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s: status %d, %v\n%s", url, resp.StatusCode, err, body)
	}
	return string(body)
}

// command runs an administrative command that succeeds.
func (s served) command(args ...string) string {
	s.t.Helper()
	code, out, errOut := command(s.t, append(args, "--data", s.dir)...)
	if code != 0 {
		s.t.Fatalf("%v: exit code %d: %s", args, code, errOut)
	}
	return out
}

// into reads JSON that a command has printed.
func into[T any](t *testing.T, out string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return v
}

// Whatever the preset, the server says where everything is, the demo is there,
// and its app is found.
func TestServerIsWhatItsPresetSays(t *testing.T) {
	for _, name := range presets.Names() {
		t.Run(name, func(t *testing.T) {
			p, err := presets.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			s := serve(t, "--preset", name)
			origin := provider.Origin(s.Issuer)
			if s.Preset != name || s.Issuer != origin+p.IssuerPath || !strings.HasPrefix(origin, "http://localhost:") {
				t.Errorf("preset %s, issuer %s", s.Preset, s.Issuer)
			}
			metadata := into[map[string]any](t, s.get(s.Issuer+"/.well-known/openid-configuration"))
			if metadata["issuer"] != s.Issuer || metadata["token_endpoint"] != origin+p.Paths.Token {
				t.Errorf("metadata are %v", metadata)
			}
			if page := s.get(origin + "/demo"); !strings.Contains(page, "Sign in with "+p.Brand.Name) {
				t.Errorf("the demo is\n%s", page)
			}
			if page := s.get(origin + "/apps"); !strings.Contains(page, "Acme dashboard") {
				t.Errorf("the directory of apps is\n%s", page)
			}
			d := s.Demo
			if !strings.HasPrefix(d.Client.ClientSecret, p.Prefixes.ClientSecret+"_") || d.Client.RedirectURI != origin+"/demo/callback" || d.Workspaces[0].Slug != "acme" || d.Workspaces[0].Role != "admin" {
				t.Errorf("the demo is %+v", d)
			}
		})
	}
}

func TestClientsAreManagedFromTheTerminal(t *testing.T) {
	acme := filepath.Join(t.TempDir(), "acme.yaml")
	const content = `name: acme
registration: {mode: token}
clients:
  web: {token_endpoint_auth_method: client_secret_post, require_pkce: false}
  kinds: [{name: agent, access_token: 24h}]
`
	if err := os.WriteFile(acme, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--preset", acme)
	workspace := into[map[string]string](t, s.command("workspace", "create", "--name", "Blue", "--slug", "blue-team", "--json"))
	if workspace["slug"] != "blue-team" || !strings.Contains(s.command("workspace", "list"), "blue-team") {
		t.Errorf("the workspace is %v", workspace)
	}
	made := into[map[string]string](t, s.command("client", "create", "--name", "Plain", "--redirect-uri", "https://app.acme.io/cb", "--json"))
	plain := s.command("client", "get", made["client_id"])
	for _, want := range []string{"client_secret_post", "unlisted", "authorization_code refresh_token", "require_pkce                false"} {
		if !strings.Contains(plain, want) {
			t.Errorf("a client takes the preset's defaults: %q is not in\n%s", want, plain)
		}
	}
	made = into[map[string]string](t, s.command("client", "create", "--name", "Own", "--redirect-uri", "https://app.acme.io/cb",
		"--description", "Does it all.", "--workspace", workspace["workspace_id"], "--visibility", "internal", "--kind", "agent", "--refresh-grace", "0s", "--refresh-window", "20m", "--json"))
	checkClient(t, s, made["client_id"], "Does it all.", workspace["workspace_id"], "internal", "agent", "refresh_grace               0s", "refresh_window              20m")
	checkClient(t, s, made["client_id"], "vetted                      false", "client_secret_post client_secret_basic")
	s.command("client", "update", made["client_id"], "--vetted", "--auth-method", "client_secret_basic", "--auth-method", "client_secret_post")
	checkClient(t, s, made["client_id"], "vetted                      true", "client_secret_basic client_secret_post")
	s.command("client", "update", made["client_id"], "--no-vetted", "--auth-method", "client_secret_post")
	checkClient(t, s, made["client_id"], "vetted                      false", "client_secret_post\n")
	s.command("client", "update", made["client_id"], "--visibility", "public", "--description", "", "--refresh-grace", "5s", "--refresh-window", "0s", "--kind", "")
	checkClient(t, s, made["client_id"], workspace["workspace_id"], "public", "refresh_grace               5s", "refresh_window              0s")
	if got := s.command("client", "get", made["client_id"]); strings.Contains(got, "agent") || strings.Contains(got, "Does it all.") {
		t.Errorf("the client still has what was taken away:\n%s", got)
	}
}

func checkClient(t *testing.T, s served, id string, want ...string) {
	t.Helper()
	shown := s.command("client", "get", id)
	for _, each := range want {
		if !strings.Contains(shown, each) {
			t.Errorf("%q is not in\n%s", each, shown)
		}
	}
}

func TestInitialAccessTokensAreManagedFromTheTerminal(t *testing.T) {
	s := serve(t)
	made := into[map[string]string](t, s.command("client", "initial-token", "create", "--lifetime", "1h", "--json"))
	if !strings.HasPrefix(made["initial_access_token"], "chia_") || made["expire_time"] == "" {
		t.Errorf("the token is %v", made)
	}
	list := s.command("client", "initial-token", "list")
	if !strings.Contains(list, made["token_id"]) || strings.Contains(list, made["initial_access_token"]) {
		t.Errorf("the list is\n%s", list)
	}
	s.command("client", "initial-token", "revoke", made["token_id"])
	if list := s.command("client", "initial-token", "list"); strings.Contains(list, made["token_id"]) {
		t.Errorf("the token is still there:\n%s", list)
	}
}

// A server that could not be what its preset says does not start.
func TestServerRefusesWhatItsPresetContradicts(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown preset", []string{"--preset", "acme"}, "there is no preset"},
		{"no such file", []string{"--preset", "./acme.yaml"}, "read the preset: open"},
		{"issuer at another path", []string{"--issuer", "https://id.acme.io/oauth"}, "want https://id.acme.io"},
		{"issuer without the path", []string{"--preset", "railway", "--issuer", "https://id.acme.io"}, "want https://id.acme.io/oauth"},
	} {
		args := append([]string{"serve", "--data", t.TempDir(), "--http", "127.0.0.1:0"}, tt.args...)
		if code, _, errOut := command(t, args...); code != exitFailed || !strings.Contains(errOut, tt.want) {
			t.Errorf("%s: exit code %d: %s, want %q", tt.name, code, errOut, tt.want)
		}
	}
}
