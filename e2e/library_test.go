package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// app is an app that uses golang.org/x/oauth2 and go-oidc, and knows only the
// issuer and its own credentials.
type app struct {
	oauth2.Config
	provider *oidc.Provider
}

func newApp(t testing.TB, s *server, scopes ...string) *app {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), s.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	return &app{provider: provider, Config: oauth2.Config{
		ClientID: s.Demo.Client.ClientID, ClientSecret: s.Demo.Client.ClientSecret,
		RedirectURL: s.Demo.Client.RedirectURI, Endpoint: provider.Endpoint(), Scopes: scopes,
	}}
}

// attempt is one authorization request.
type attempt struct {
	state, nonce, verifier string
	link                   string
}

func (a *app) begin(options ...oauth2.AuthCodeOption) attempt {
	try := attempt{state: oauth2.GenerateVerifier(), nonce: oauth2.GenerateVerifier(), verifier: oauth2.GenerateVerifier()}
	try.link = a.AuthCodeURL(try.state, append(options, oauth2.S256ChallengeOption(try.verifier), oidc.Nonce(try.nonce))...)
	return try
}

// tokens takes the answer to the attempt, and exchanges its code.
func (a *app) tokens(t testing.TB, s *server, try attempt, answer url.Values) *oauth2.Token {
	t.Helper()
	if answer.Get("state") != try.state || answer.Get("iss") != s.Issuer || answer.Get("code") == "" {
		t.Fatalf("answer = %v", answer)
	}
	token, err := a.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(try.verifier))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// forceConsent is prompt=consent, which offline_access needs.
func forceConsent() oauth2.AuthCodeOption { return oauth2.SetAuthURLParam("prompt", "consent") }

func TestAClientLibraryGoesTheWholeWay(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		a := newApp(t, s, "openid", "profile", "email", "workspace:member", "project:viewer", "offline_access")
		try := a.begin(forceConsent())
		token := a.tokens(t, s, try, newPerson(t, s).authorize(try.link))

		checkIDToken(t, s, a, try, token)
		checkUserInfo(t, s, a, token)
		if answer := introspect(t, s, token.AccessToken); !answer.Active || len(answer.Workspaces) != 2 || answer.Sub != s.Demo.User.Sub {
			t.Errorf("introspection = %+v", answer)
		}
		checkRefresh(t, s, a, token)
	})
}

func checkIDToken(t testing.TB, s *server, a *app, try attempt, token *oauth2.Token) {
	t.Helper()
	raw, _ := token.Extra("id_token").(string)
	id, err := a.provider.Verifier(&oidc.Config{ClientID: a.ClientID}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if id.Nonce != try.nonce || id.Subject != s.Demo.User.Sub {
		t.Errorf("nonce %q, sub %q", id.Nonce, id.Subject)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Error(err)
	}
}

func checkUserInfo(t testing.TB, s *server, a *app, token *oauth2.Token) {
	t.Helper()
	info, err := a.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
	if err != nil {
		t.Fatal(err)
	}
	if info.Subject != s.Demo.User.Sub || info.Email != "demo@example.com" || !info.EmailVerified {
		t.Errorf("userinfo = %+v", info)
	}
}

// checkRefresh refreshes, and then presents the first token again.
func checkRefresh(t testing.TB, s *server, a *app, first *oauth2.Token) {
	t.Helper()
	refresh := func(token string) (*oauth2.Token, error) {
		return a.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token}).Token()
	}
	second, err := refresh(first.RefreshToken)
	if err != nil || second.RefreshToken == first.RefreshToken {
		t.Fatalf("refresh = %v, %v", second, err)
	}
	third, err := refresh(second.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := refresh(first.RefreshToken); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("refresh with a token out of use = %v, want invalid_grant", err)
	}
	if answer := introspect(t, s, third.AccessToken); answer.Active {
		t.Error("the grant outlives the reuse of its refresh token")
	}
}

func TestClientCredentials(t *testing.T) {
	s := start(t)
	config := clientcredentials.Config{
		ClientID: s.Demo.Client.ClientID, ClientSecret: s.Demo.Client.ClientSecret, TokenURL: s.Issuer + "/oauth/token",
	}
	token, err := config.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	answer := introspect(t, s, token.AccessToken)
	if !answer.Active || answer.Sub != s.Demo.Client.ClientID || token.RefreshToken != "" {
		t.Errorf("token of the client's own: %+v", answer)
	}
}

// introspection is the answer of RFC 7662 §2.2.
type introspection struct {
	Active     bool
	Scope      string
	Sub        string
	ClientID   string `json:"client_id"`
	Workspaces []struct{ ID, Role, Scope string }
	Projects   []struct{ ID, Role, Scope string }
}

// introspect asks as the demo's web client, again when the answer is that there
// is none at this moment.
func introspect(t testing.TB, s *server, token string) introspection {
	t.Helper()
	status, body := post(t, s, "/oauth/introspect", url.Values{"token": {token}})
	for range 20 {
		if status != http.StatusServiceUnavailable {
			break
		}
		status, body = post(t, s, "/oauth/introspect", url.Values{"token": {token}})
	}
	if status != http.StatusOK {
		t.Fatalf("introspection answers %d: %s", status, body)
	}
	return decode[introspection](t, body)
}

// post sends a form as the demo's web client.
func post(t testing.TB, s *server, path string, form url.Values) (status int, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(s.Demo.Client.ClientID, s.Demo.Client.ClientSecret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// TestTheExampleForPlatformTeamsRuns is the client of docs/platform-teams.md.
func TestTheExampleForPlatformTeamsRuns(t *testing.T) {
	s := start(t)
	a := newApp(t, s, "openid", "workspace:member")
	try := a.begin()
	token := a.tokens(t, s, try, newPerson(t, s).authorize(try.link))
	api := decode[struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}](t, s.chancery(t, "client", "create", "--name", "Billing API", "--grant-type", "client_credentials", "--scope", "introspect", "--json"))

	example := filepath.Join(t.TempDir(), "introspect")
	if out, err := exec.Command("go", "build", "-o", example, "../examples/introspect").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	ask := func(token, secret string) (string, error) {
		command := exec.CommandContext(context.WithoutCancel(t.Context()), example, "-server", s.GRPC, "-client-id", api.ClientID)
		command.Env = append(os.Environ(), "CLIENT_SECRET="+secret)
		command.Stdin = strings.NewReader(token)
		out, err := command.Output()
		return string(out), err
	}
	out, err := ask(token.AccessToken, api.ClientSecret)
	var answer struct {
		Active     bool
		Workspaces []struct{ ID, Role string }
	}
	if err != nil || json.Unmarshal([]byte(out), &answer) != nil || !answer.Active || len(answer.Workspaces) != 2 {
		t.Errorf("the example says %s, %v", out, err)
	}
	if out, err := ask("garbage", api.ClientSecret); err == nil || !strings.Contains(out, "{}") && strings.Contains(out, "client_id") {
		t.Errorf("about garbage the example says %s, %v", out, err)
	}
	if out, err := ask(token.AccessToken, "wrong"); err == nil || out != "" {
		t.Errorf("with a wrong secret the example says %s, %v", out, err)
	}
}
