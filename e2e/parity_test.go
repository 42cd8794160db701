package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/chancery-auth/chancery/pkg/preset"
)

// fact is something that the documentation of a provider says. docs/parity.md has
// a row for each, by its number.
type fact struct {
	name string
	test func(*testing.T, *standIn)
}

// standIn is a server that stands in for a provider by its preset. What a client
// needs to know of it, it knows from discovery alone.
type standIn struct {
	s         *server
	discovery map[string]any
}

// newStandIn starts a server with the preset.
func newStandIn(t *testing.T, preset string) *standIn {
	t.Helper()
	s := start(t, "--preset", preset)
	return &standIn{s: s, discovery: discovered(t, s)}
}

// discovered is the discovery document of a server.
func discovered(t testing.TB, s *server) map[string]any {
	t.Helper()
	status, body := send(t, http.MethodGet, s.Issuer+"/.well-known/openid-configuration", "", payload{})
	if status != http.StatusOK {
		t.Fatalf("discovery answers %d: %s", status, body)
	}
	return decode[map[string]any](t, body)
}

// hold runs every fact on one server, one after the other.
func hold(t *testing.T, preset string, facts []fact) {
	t.Helper()
	p := newStandIn(t, preset)
	for _, f := range facts {
		t.Run(f.name, func(t *testing.T) { f.test(t, p) })
	}
}

// endpoint is one of the discovery document.
func (p *standIn) endpoint(t testing.TB, member string) string {
	t.Helper()
	address, _ := p.discovery[member].(string)
	if address == "" {
		t.Fatalf("discovery has no %s", member)
	}
	return address
}

// get asks with a bearer token, unless that is empty.
func (p *standIn) get(t testing.TB, address, bearer string) (status int, body []byte) {
	t.Helper()
	return send(t, http.MethodGet, address, bearer, payload{})
}

// form posts a form without any header of a client's.
func (p *standIn) form(t testing.TB, endpoint string, fields url.Values) (status int, body []byte) {
	t.Helper()
	return send(t, http.MethodPost, endpoint, "", payload{"application/x-www-form-urlencoded", []byte(fields.Encode())})
}

// payload is the body of a request.
type payload struct {
	contentType string
	content     []byte
}

func send(t testing.TB, method, address, bearer string, body payload) (status int, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(body.content))
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if body.contentType != "" {
		req.Header.Set("Content-Type", body.contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// party is an app that a developer has written against the documentation of the
// provider, and a person who uses it.
type party struct {
	*app
	p      *standIn
	person *person
}

// callback is a redirect URI behind which nobody needs to listen.
const callback = "https://app.example/callback"

// party registers an app, by default a web app, as the command line does.
func (p *standIn) party(t testing.TB, scope string, flags ...string) *party {
	t.Helper()
	if !slices.Contains(flags, "--redirect-uri") {
		flags = append(flags, "--redirect-uri", callback)
	}
	made := decode[struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}](t, p.s.chancery(t, append([]string{"client", "create", "--name", "Parity", "--json"}, flags...)...))
	r := &party{app: newApp(t, p.s, strings.Fields(scope)...), p: p, person: newPerson(t, p.s)}
	r.ClientID, r.ClientSecret = made.ClientID, made.ClientSecret
	r.RedirectURL = flags[slices.Index(flags, "--redirect-uri")+1]
	r.Endpoint.AuthStyle = p.authStyle(t, made.ClientID)
	return r
}

// authStyle is how the client was registered to authenticate.
func (p *standIn) authStyle(t testing.TB, clientID string) oauth2.AuthStyle {
	t.Helper()
	if p.client(t, clientID).TokenEndpointAuthMethod == "client_secret_basic" {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// registered is a client as the operator sees it.
type registered struct {
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"`
	GrantTypes              []string `json:"grant_types"`
	Scope                   string   `json:"scope"`
	Visibility              string   `json:"visibility"`
}

func (p *standIn) client(t testing.TB, clientID string) registered {
	t.Helper()
	return decode[registered](t, p.s.chancery(t, "client", "get", clientID, "--json"))
}

// authorize walks the person through, sharing everything, and exchanges the code.
func (r *party) authorize(t testing.TB, options ...oauth2.AuthCodeOption) *oauth2.Token {
	t.Helper()
	try := r.begin(options...)
	return r.tokens(t, r.p.s, try, r.person.authorize(try.link))
}

// consent walks the person up to the consent page.
func (r *party) consent(t testing.TB, options ...oauth2.AuthCodeOption) (page, attempt) {
	t.Helper()
	try := r.begin(options...)
	at := r.person.open(try.link)
	for range 3 {
		switch {
		case at.status == http.StatusSeeOther && strings.HasPrefix(at.location, "/"):
			at = r.person.open(at.location)
		case strings.HasSuffix(at.action, "/signin"):
			at = r.person.signIn(at)
		}
	}
	if !strings.HasSuffix(at.action, "/consent") {
		t.Fatalf("not the consent page, %d to %s: %s", at.status, at.location, at.text)
	}
	return at, try
}

// sharing authorizes with these workspaces and projects alone.
func (r *party) sharing(t testing.TB, workspaces, projects []string) *oauth2.Token {
	t.Helper()
	at, try := r.consent(t, forceConsent())
	at = r.person.share(at, workspaces, projects)
	for at.status == http.StatusSeeOther && strings.HasPrefix(at.location, "/") {
		at = r.person.open(at.location)
	}
	return r.tokens(t, r.p.s, try, r.person.answer(at.location))
}

// refused follows a link that the endpoint must refuse, and returns the error: of
// the redirect, or "page" for a page that leads nowhere.
func (r *party) refused(t testing.TB, link string) string {
	t.Helper()
	at := r.person.open(link)
	switch {
	case at.status == http.StatusBadRequest && at.location == "":
		return "page"
	case at.status == http.StatusSeeOther && !strings.HasPrefix(at.location, "/"):
		return r.person.answer(at.location).Get("error")
	}
	t.Errorf("%s is not refused: status %d to %s", link, at.status, at.location)
	return ""
}

// link is the authorization request with the parameters replaced; an empty one is
// left out.
func (r *party) link(parameters url.Values) string {
	u, _ := url.Parse(r.begin().link)
	query := u.Query()
	for name, values := range parameters {
		query[name] = values
		if values[0] == "" {
			query.Del(name)
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// refresh trades a refresh token.
func (r *party) refresh(t testing.TB, token string) (*oauth2.Token, error) {
	t.Helper()
	for {
		next, err := r.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token}).Token()
		var refused *oauth2.RetrieveError
		// A test that waits for a rotation asks more often than a client may.
		if !errors.As(err, &refused) || refused.Response.StatusCode != http.StatusTooManyRequests {
			return next, err
		}
	}
}

// active asks about a token as its own client.
func (r *party) active(t testing.TB, token string) introspection {
	t.Helper()
	s := *r.p.s
	s.Demo.Client.ClientID, s.Demo.Client.ClientSecret = r.ClientID, r.ClientSecret
	fields := url.Values{"token": {token}}
	if r.Endpoint.AuthStyle == oauth2.AuthStyleInParams {
		fields.Set("client_id", r.ClientID)
		fields.Set("client_secret", r.ClientSecret)
		status, body := r.p.form(t, r.p.endpoint(t, "introspection_endpoint"), fields)
		if status != http.StatusOK {
			t.Fatalf("introspection answers %d: %s", status, body)
		}
		return decode[introspection](t, body)
	}
	path := strings.TrimPrefix(r.p.endpoint(t, "introspection_endpoint"), s.Issuer)
	status, body := post(t, &s, path, fields)
	if status != http.StatusOK {
		t.Fatalf("introspection answers %d: %s", status, body)
	}
	return decode[introspection](t, body)
}

// userinfo is the claims that a token opens.
func (r *party) userinfo(t testing.TB, token string) map[string]any {
	t.Helper()
	status, body := r.p.get(t, r.p.endpoint(t, "userinfo_endpoint"), token)
	if status != http.StatusOK {
		t.Fatalf("userinfo answers %d: %s", status, body)
	}
	return decode[map[string]any](t, body)
}

// claimNames are those of a set of claims, in order.
func claimNames(claims map[string]any) []string {
	names := make([]string, 0, len(claims))
	for name := range claims {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// idTokenClaims are those of the token response's ID token, which the client
// library has not looked at.
func idTokenClaims(t testing.TB, token *oauth2.Token) map[string]any {
	t.Helper()
	raw, _ := token.Extra("id_token").(string)
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		t.Fatalf("id_token = %q", raw)
	}
	return decodeSegment(t, parts[1])
}

// errorOf is the error of an OAuth answer in JSON.
func errorOf(t testing.TB, body []byte) string {
	t.Helper()
	return decode[struct{ Error string }](t, body).Error
}

// same compares what is documented with what is.
func same[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-documented +got):\n%s", what, diff)
	}
}

// marshal is JSON to send.
func marshal(t testing.TB, v any) []byte {
	t.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// presetData is a preset as the program reads it.
type presetData = preset.Preset

// decodeSegment is the JSON of a part of a JWS.
func decodeSegment(t testing.TB, part string) map[string]any {
	t.Helper()
	encoded, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return decode[map[string]any](t, encoded)
}
