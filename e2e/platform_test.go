package e2e

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// example is one of the examples, running as a process of its own.
type example struct {
	t testing.TB
	// base is the address at which it serves.
	base string
}

// startExample builds an example and starts it with flags; it prints a line of
// JSON with its address when it is ready, and ends with the test.
func startExample(t testing.TB, name string, environment []string, flags ...string) *example {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-o", program, "../examples/"+name).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	process := exec.Command(program, append(flags, "--json")...)
	process.Env = append(os.Environ(), environment...)
	log := &lockedBuffer{}
	process.Stderr = log
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Signal(os.Interrupt) // it may have ended by itself
		if err := process.Wait(); err != nil {
			t.Errorf("%s ended with %v\n%s", name, err, log)
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var ready struct {
		Ready bool
		HTTP  string
	}
	if err != nil || json.Unmarshal(line, &ready) != nil || !ready.Ready {
		t.Fatalf("%s printed %q (%v)\n%s", name, line, err, log)
	}
	return &example{t, "http://" + ready.HTTP}
}

// query asks the GraphQL endpoint.
func (e *example) query(token, query string) graph {
	e.t.Helper()
	status, body := send(e.t, http.MethodPost, e.base+"/graphql", token, payload{"application/json", marshal(e.t, map[string]string{"query": query})})
	if status != http.StatusOK {
		e.t.Fatalf("GraphQL answers %d: %s", status, body)
	}
	answer := decode[struct {
		Data   graph
		Errors []any
	}](e.t, body)
	if len(answer.Errors) > 0 {
		e.t.Fatalf("GraphQL answers %s", body)
	}
	return answer.Data
}

// graph is the part of the schema that the documentation shows.
type graph struct {
	Me struct {
		Name, Email string
		Workspaces  []place
	}
	ExternalWorkspaces []struct {
		place
		Projects []place
	}
}

type place struct{ ID, Name string }

func TestThePlatformAnswersForWhatWasPicked(t *testing.T) {
	p := newStandIn(t, "railway")
	api := startExample(t, "platform", nil, "--data", p.s.data, "--http", "127.0.0.1:0")
	acme, northwind := p.s.Demo.Workspaces[0], p.s.Demo.Workspaces[1]

	t.Run("R40 me has the picked workspaces", func(t *testing.T) {
		const me = "{ me { name email workspaces { id name } } }"
		r := p.party(t, "openid email profile workspace:viewer")
		got := api.query(r.sharing(t, []string{acme.ID}, nil).AccessToken, me).Me
		same(t, "workspaces", []place{{acme.ID, acme.Name}}, got.Workspaces)
		if got.Email == "" || got.Name == "" {
			t.Errorf("me = %+v", got)
		}
		less := p.party(t, "openid workspace:viewer")
		same(t, "workspaces without email and profile", 0, len(api.query(less.sharing(t, []string{acme.ID}, nil).AccessToken, me).Me.Workspaces))
		none := p.party(t, "openid email profile")
		same(t, "workspaces without a workspace scope", 0, len(api.query(none.authorize(t).AccessToken, me).Me.Workspaces))
	})
	t.Run("R41 externalWorkspaces has the picked projects", func(t *testing.T) {
		r := p.party(t, "openid project:viewer")
		picked := northwind.Projects[0]
		got := api.query(r.sharing(t, nil, []string{picked.ID}).AccessToken, "{ externalWorkspaces { id name projects { id name } } }").ExternalWorkspaces
		if len(got) != 1 || got[0].place != (place{northwind.ID, northwind.Name}) {
			t.Fatalf("externalWorkspaces = %+v", got)
		}
		same(t, "projects", []place{{picked.ID, picked.Name}}, got[0].Projects)
	})
	t.Run("a dead token is refused", func(t *testing.T) {
		r := p.party(t, "openid workspace:viewer")
		token := r.sharing(t, []string{acme.ID}, nil)
		p.s.chancery(t, "grant", "revoke", grantOf(t, p.s, r.ClientID))
		status, body := send(t, http.MethodPost, api.base+"/graphql", token.AccessToken, payload{"application/json", []byte(`{"query":"{me{name}}"}`)})
		if status != http.StatusUnauthorized {
			t.Errorf("GraphQL answers %d: %s", status, body)
		}
	})
}

// TestEveryScopeHasARoute is the documented "Authorization: Bearer on every
// resource": each API scope opens one, in the workspace that was chosen, with the
// role that the user has now.
func TestEveryScopeHasARoute(t *testing.T) {
	p := newStandIn(t, "roboflow")
	api := startExample(t, "platform", nil, "--data", p.s.data, "--http", "127.0.0.1:0")
	status, body := send(t, http.MethodGet, api.base+"/v1", "", payload{})
	same(t, "status of /v1", http.StatusOK, status)
	routes := decode[struct {
		Routes []struct{ Scope, Method, Path, Role string }
	}](t, body).Routes

	var scopes []string
	for _, s := range presetOf(t, "roboflow").Scopes {
		if s.Kind == "workspace" {
			scopes = append(scopes, s.Name)
		}
	}
	everything := p.party(t, strings.Join(scopes, " ")).authorizeOne(t).AccessToken
	one := p.party(t, "folder:read").authorizeOne(t).AccessToken
	acme, northwind := p.s.Demo.Workspaces[0].ID, p.s.Demo.Workspaces[1].ID
	ask := func(t *testing.T, method, path, workspace, token string) int {
		t.Helper()
		address := api.base + strings.NewReplacer("{workspace}", workspace, "{item}", "none").Replace(path)
		status, _ := send(t, method, address, token, payload{"application/json", []byte(`{"name":"Example"}`)})
		return status
	}
	t.Run("F24 each scope opens one route", func(t *testing.T) {
		var opened []string
		for _, r := range routes {
			opened = append(opened, r.Scope)
			if status := ask(t, r.Method, r.Path, acme, everything); status >= 400 && status != http.StatusNotFound {
				t.Errorf("%s: %s %s answers %d", r.Scope, r.Method, r.Path, status)
			}
			same(t, r.Scope+" in a workspace that was not chosen", http.StatusNotFound, ask(t, r.Method, r.Path, northwind, everything))
			if r.Scope != "folder:read" {
				same(t, r.Scope+" without the scope", http.StatusForbidden, ask(t, r.Method, r.Path, acme, one))
			}
		}
		same(t, "routes", scopes, opened)
	})
	t.Run("the role is the one that the user has now", func(t *testing.T) {
		const create = "/v1/workspaces/{workspace}/folders"
		same(t, "as an admin", http.StatusCreated, ask(t, http.MethodPost, create, acme, everything))
		p.setRole(t, acme, "viewer")
		same(t, "as a viewer", http.StatusForbidden, ask(t, http.MethodPost, create, acme, everything))
		same(t, "reading as a viewer", http.StatusOK, ask(t, http.MethodGet, create, acme, everything))
	})
}

// setRole changes the demo user's role.
func (p *standIn) setRole(t testing.TB, workspace, role string) {
	t.Helper()
	p.s.chancery(t, "member", "set-role", "--workspace", workspace, "--subject", p.s.Demo.User.Sub, "--role", role)
}

// TestTheRelyingPartyRunsAgainstAnyPreset walks a person through the app of
// examples/relying-party.
func TestTheRelyingPartyRunsAgainstAnyPreset(t *testing.T) {
	for _, preset := range []string{"", "railway", "roboflow"} {
		t.Run("preset "+preset, func(t *testing.T) {
			var flags []string
			if preset != "" {
				flags = []string{"--preset", preset}
			}
			walkRelyingParty(t, &standIn{s: start(t, flags...)})
		})
	}
}

// walkRelyingParty signs a person in to the app, has it call the platform's API,
// and refreshes.
func walkRelyingParty(t *testing.T, p *standIn) {
	t.Helper()
	const redirect = "http://127.0.0.1:7070/callback"
	made := decode[struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}](t, p.s.chancery(t, "client", "create", "--name", "The example", "--redirect-uri", redirect, "--json"))
	api := startExample(t, "platform", nil, "--data", p.s.data, "--http", "127.0.0.1:0")
	app := startExample(t, "relying-party", []string{"CLIENT_SECRET=" + made.ClientSecret},
		"--issuer", p.s.Issuer, "--client-id", made.ClientID, "--auth-method", p.client(t, made.ClientID).TokenEndpointAuthMethod,
		"--redirect", redirect, "--http", "127.0.0.1:0", "--scope", "openid profile email offline_access", "--prompt", "consent", "--api", api.base)

	// The person's browser reaches the app where it listens.
	person := newPerson(t, p.s)
	here := func(location string) string {
		return strings.Replace(location, "http://127.0.0.1:7070", app.base, 1)
	}
	press := func(path string, fields url.Values) page {
		t.Helper()
		at := person.post(form{action: app.base + path}, fields)
		if at.status != http.StatusSeeOther {
			t.Fatalf("%s answers %d: %s", path, at.status, at.text)
		}
		return at
	}
	at := press("/signin", nil)
	answer := person.authorize(at.location)
	if at = person.open(here(redirect) + "?" + answer.Encode()); at.status != http.StatusSeeOther {
		t.Fatalf("the callback answers %d: %s", at.status, at.text)
	}
	if home := person.open(app.base + "/"); !strings.Contains(home.text, p.s.Demo.User.Sub) {
		t.Errorf("the app shows %s", home.text)
	}
	for action, want := range map[string]string{"userinfo": p.s.Demo.User.Sub, "graphql": "externalWorkspaces", "refresh": "New access token"} {
		press("/act", url.Values{"action": {action}})
		if home := person.open(app.base + "/"); !strings.Contains(home.text, want) {
			t.Errorf("after %s the app shows %s", action, home.text)
		}
	}
	if forged := person.open(here(redirect) + "?" + answer.Encode()); forged.status != http.StatusBadRequest {
		t.Errorf("an answer that comes again gets %d", forged.status)
	}
}
