package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// registrationScript registers whatever comes, unless it is told to refuse.
type registrationScript struct {
	registryv1.UnimplementedRegistrationServiceServer
	script
	refuse error
	// last is the request that came last.
	last proto.Message
}

func (s *registrationScript) take(ctx context.Context, req proto.Message) error {
	s.note(ctx)
	s.last = req
	return s.refuse
}

func registered(m *registryv1.ClientMetadata) *registryv1.ClientInformation {
	return &registryv1.ClientInformation{ClientId: "c-1", ClientIdIssuedAt: 1_700_000_000, Metadata: m}
}

func (s *registrationScript) RegisterClient(ctx context.Context, req *registryv1.RegisterClientRequest) (*registryv1.RegisterClientResponse, error) {
	if err := s.take(ctx, req); err != nil {
		return nil, err
	}
	return &registryv1.RegisterClientResponse{Client: registered(req.GetMetadata()), ClientSecret: "chcs_x", RegistrationAccessToken: "chra_x"}, nil
}

func (s *registrationScript) GetRegistration(ctx context.Context, req *registryv1.GetRegistrationRequest) (*registryv1.GetRegistrationResponse, error) {
	if err := s.take(ctx, req); err != nil {
		return nil, err
	}
	return &registryv1.GetRegistrationResponse{Client: registered(&registryv1.ClientMetadata{ClientName: "Example"})}, nil
}

func (s *registrationScript) UpdateRegistration(ctx context.Context, req *registryv1.UpdateRegistrationRequest) (*registryv1.UpdateRegistrationResponse, error) {
	if err := s.take(ctx, req); err != nil {
		return nil, err
	}
	return &registryv1.UpdateRegistrationResponse{Client: registered(req.GetMetadata()), ClientSecret: "chcs_y"}, nil
}

func (s *registrationScript) DeleteRegistration(ctx context.Context, req *registryv1.DeleteRegistrationRequest) (*registryv1.DeleteRegistrationResponse, error) {
	return &registryv1.DeleteRegistrationResponse{}, s.take(ctx, req)
}

func openRegistration(c *gateway.Config) {
	c.Preset.Registration = preset.Registration{Mode: preset.RegistrationOpen, MaxClients: 100, PerHour: 1000}
}

// sendJSON sends a JSON body, with headers given as name and value.
func (w *world) sendJSON(method, path, body string, headers ...string) answer {
	w.t.Helper()
	h := headerOf(headers)
	if h["Content-Type"] == nil {
		h.Set("Content-Type", "application/json")
	}
	return w.do(call{method: method, path: path, body: body, header: h})
}

// decoded is the body of an answer.
func (a answer) decoded(t *testing.T) (members map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &members); err != nil {
		t.Fatalf("body %s: %v", a.body, err)
	}
	return members
}

const (
	goodMetadata = `{"redirect_uris":["https://app.example/cb"],"client_name":"Example"}`
	ownPath      = "/oauth/register/c-1"
)

// RFC 7591 §3.2.1.
func TestRegistrationIsAnswered(t *testing.T) {
	w := newWorld(t, openRegistration)
	got := w.sendJSON("POST", "/oauth/register", goodMetadata, "Authorization", "Bearer chia_x", "Content-Type", "application/json; charset=UTF-8")
	got.wantStatus(t, 201)
	if ct, cc := got.Header.Get("Content-Type"), got.Header.Get("Cache-Control"); ct != "application/json" || cc != "no-store" {
		t.Errorf("Content-Type %q, Cache-Control %q", ct, cc)
	}
	want := map[string]any{
		"client_id": "c-1", "client_id_issued_at": 1.7e9, "client_secret": "chcs_x", "client_secret_expires_at": 0.0,
		"registration_access_token": "chra_x", "registration_client_uri": "https://as.test/oauth/register/c-1",
		"redirect_uris": []any{"https://app.example/cb"}, "client_name": "Example", "require_pushed_authorization_requests": false,
	}
	if diff := cmp.Diff(want, got.decoded(t)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	wantRequest := &registryv1.RegisterClientRequest{
		Metadata:           &registryv1.ClientMetadata{RedirectUris: []string{"https://app.example/cb"}, ClientName: "Example"},
		InitialAccessToken: "chia_x",
	}
	if diff := cmp.Diff(wantRequest, w.registration.last, protocmp.Transform()); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

// RFC 7592 §2 and §3.
func TestClientsManageThemselves(t *testing.T) {
	w := newWorld(t, openRegistration)
	token := []string{"Authorization", "Bearer chra_x"}

	got := w.get(ownPath, token...)
	got.wantStatus(t, 200)
	if m := got.decoded(t); m["client_id"] != "c-1" || m["registration_access_token"] != "chra_x" || m["client_secret"] != nil || m["client_secret_expires_at"] != nil {
		t.Errorf("GET = %s", got.body)
	}
	if got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("GET may be cached: %v", got.Header)
	}

	put := w.sendJSON("PUT", ownPath, `{"client_id":"c-1","client_secret":"chcs_x","redirect_uris":["https://b.example/cb"]}`, token...)
	put.wantStatus(t, 200)
	if m := put.decoded(t); m["client_secret"] != "chcs_y" || m["client_secret_expires_at"] != 0.0 || m["registration_access_token"] != "chra_x" {
		t.Errorf("PUT = %s", put.body)
	}
	want := &registryv1.UpdateRegistrationRequest{
		ClientId: "c-1", RegistrationAccessToken: "chra_x", BodyClientId: "c-1", BodyClientSecret: "chcs_x",
		Metadata: &registryv1.ClientMetadata{RedirectUris: []string{"https://b.example/cb"}},
	}
	if diff := cmp.Diff(want, w.registration.last, protocmp.Transform()); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}

	del := w.do(call{method: "DELETE", path: ownPath, header: headerOf(token)})
	del.wantStatus(t, 204)
	if del.body != "" {
		t.Errorf("DELETE = %s", del.body)
	}
	if diff := cmp.Diff(&registryv1.DeleteRegistrationRequest{ClientId: "c-1", RegistrationAccessToken: "chra_x"}, w.registration.last, protocmp.Transform()); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}

	w.sendJSON("POST", ownPath, goodMetadata, token...).wantStatus(t, 405)
	w.sendJSON("PUT", "/oauth/register", goodMetadata, token...).wantStatus(t, 405)
	w.get("/oauth/register", token...).wantStatus(t, 405)
	for _, path := range []string{"/oauth/register/", ownPath + "/", ownPath + "/x", "/oauth/register/%63-1", "/oauth/register/c%2F1", "/oauth/register/c%001"} {
		w.get(path, token...).wantStatus(t, 404)
	}
}

func TestRegistrationIsWhereThePresetSays(t *testing.T) {
	w := newWorld(t, openRegistration, func(c *gateway.Config) {
		c.Issuer, c.Preset.Paths.Registration = "https://as.test/oauth", "/api/clients"
	})
	got := w.sendJSON("POST", "/api/clients", goodMetadata)
	got.wantStatus(t, 201)
	if uri := got.decoded(t)["registration_client_uri"]; uri != "https://as.test/api/clients/c-1" {
		t.Errorf("registration_client_uri = %q", uri)
	}
	w.get("/api/clients/c-1", "Authorization", "Bearer chra_x").wantStatus(t, 200)
	w.sendJSON("POST", "/oauth/register", goodMetadata).wantStatus(t, 404)
	if m := w.get("/oauth/.well-known/openid-configuration").decoded(t); m["registration_endpoint"] != "https://as.test/api/clients" {
		t.Errorf("registration_endpoint = %q", m["registration_endpoint"])
	}
}

func TestN206_RegistrationThatIsOffIsNotThere(t *testing.T) {
	w := newWorld(t)
	w.sendJSON("POST", "/oauth/register", goodMetadata).wantJSONError(t, 404, "invalid_request")
	w.get(ownPath, "Authorization", "Bearer chra_x").wantJSONError(t, 404, "invalid_request")
	if m := w.get("/.well-known/openid-configuration").decoded(t); m["registration_endpoint"] != nil {
		t.Errorf("registration_endpoint = %q", m["registration_endpoint"])
	}
	if n := w.registration.count(); n != 0 {
		t.Errorf("%d calls reached the service", n)
	}
}

// What the service says is told by its code, and with the status that goes with
// it.
func TestN206_N207_N208_N213_RefusalsOfRegistration(t *testing.T) {
	w := newWorld(t, openRegistration)
	for _, tt := range []struct {
		code      oauth.ErrorCode
		status    int
		challenge string
	}{
		{oauth.InvalidRedirectURI, 400, ""},
		{oauth.InvalidClientMetadata, 400, ""},
		{oauth.InvalidSoftwareStatement, 400, ""},
		{oauth.InvalidToken, 401, `Bearer realm="https://as.test", error="invalid_token", error_description="no"`},
	} {
		w.registration.refuse = oauth.Refuse(tt.code, "no")
		for _, got := range []answer{
			w.sendJSON("POST", "/oauth/register", goodMetadata),
			w.sendJSON("PUT", ownPath, goodMetadata, "Authorization", "Bearer chra_x"),
		} {
			got.wantJSONError(t, tt.status, string(tt.code))
			if c, r := got.Header.Get("WWW-Authenticate"), got.Header.Get("Retry-After"); c != tt.challenge || r != "" {
				t.Errorf("%s: WWW-Authenticate %q, Retry-After %q", tt.code, c, r)
			}
			if want := `{"error":"` + string(tt.code) + `","error_description":"no"}`; got.body != want {
				t.Errorf("body = %s, want %s", got.body, want)
			}
		}
	}
}

func TestUnreadableRegistrationsAreRefused(t *testing.T) {
	w := newWorld(t, openRegistration)
	asJSON := []string{"Content-Type", "application/json"}
	for _, tt := range []struct {
		name, body string
		headers    []string
	}{
		{"member twice", `{"client_name":"a","client_name":"b"}`, asJSON},
		{"not UTF-8", "{\"client_name\":\"\xff\"}", asJSON},
		{"deep", `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, asJSON},
		{"trailing data", goodMetadata + `{}`, asJSON},
		{"wrong type", `{"redirect_uris":"https://app.example/cb"}`, asJSON},
		{"empty", "", asJSON},
		{"form", "client_name=x", []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"JSON of another kind", goodMetadata, []string{"Content-Type", "application/jwt"}},
		{"another character set", goodMetadata, []string{"Content-Type", "application/json; charset=utf-16"}},
		{"another parameter", goodMetadata, []string{"Content-Type", "application/json; boundary=x"}},
		{"two types", goodMetadata, []string{"Content-Type", "application/json", "Content-Type", "text/plain"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.sendJSON("POST", "/oauth/register", tt.body, tt.headers...).wantJSONError(t, 400, "invalid_client_metadata")
			w.sendJSON("PUT", ownPath, tt.body, append(tt.headers, "Authorization", "Bearer chra_x")...).wantJSONError(t, 400, "invalid_client_metadata")
		})
	}
	pad := func(n int) string {
		const frame = `{"redirect_uris":["https://app.example/cb"],"x":""}`
		return strings.Replace(frame, `"x":"`, `"x":"`+strings.Repeat("a", n-len(frame)), 1)
	}
	w.sendJSON("POST", "/oauth/register", pad(64<<10+1)).wantStatus(t, 413)
	if n := w.registration.count(); n != 0 {
		t.Errorf("%d calls reached the service", n)
	}
	w.sendJSON("POST", "/oauth/register", pad(64<<10)).wantStatus(t, 201)
}

// Credentials that are sent must be right, and nobody's are taken from elsewhere.
func TestRegistrationCredentials(t *testing.T) {
	w := newWorld(t, openRegistration)
	for _, tt := range []struct {
		name, header string
		status       int
	}{
		{"Bearer", "Bearer chia_x", 201},
		{"another case", "bearer chia_x", 201},
		{"Basic", "Basic Y2hpYV94Og==", 401},
		{"no token", "Bearer ", 400},
		{"no such characters", "Bearer a,b", 401},
		{"too long", "Bearer " + strings.Repeat("a", 2049), 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := w.registration.count()
			w.sendJSON("POST", "/oauth/register", goodMetadata, "Authorization", tt.header).wantStatus(t, tt.status)
			if called := w.registration.count() > before; called != (tt.status == 201) {
				t.Errorf("service called: %v", called)
			}
		})
	}
	w.sendJSON("POST", "/oauth/register?access_token=chia_x", goodMetadata).wantStatus(t, 201)
	if got := w.registration.last.(*registryv1.RegisterClientRequest).GetInitialAccessToken(); got != "" {
		t.Errorf("token of the query is %q", got)
	}
}

func TestN214_RegistrationBindsNothingElse(t *testing.T) {
	w := newWorld(t, openRegistration)
	const query = "?client_name=Evil&metadata.client_name=Evil&client.unverified=false&workspace_id=w&registration_access_token=x&client_id=x"
	const body = `{"redirect_uris":["https://app.example/cb"],"client_name":"Example","first_party":true,"skip_consent":true,
		"owner":"w","workspace_id":"w","client_id":"mine","client_secret":"mine","verified":true,"unverified":false,"created_at":1,
		"client_id_issued_at":1,"client_secret_expires_at":1,"registration_access_token":"x","registration_client_uri":"https://evil.test/",
		"visibility":"public","audience":["https://api.example"],"access_token_lifetime":"86400s","version":9}`
	metadata := &registryv1.ClientMetadata{RedirectUris: []string{"https://app.example/cb"}, ClientName: "Example"}

	w.sendJSON("POST", "/oauth/register"+query, body).wantStatus(t, 201)
	if diff := cmp.Diff(&registryv1.RegisterClientRequest{Metadata: metadata}, w.registration.last, protocmp.Transform()); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	w.sendJSON("PUT", ownPath+query, body, "Authorization", "Bearer chra_x").wantStatus(t, 200)
	want := &registryv1.UpdateRegistrationRequest{
		ClientId: "c-1", RegistrationAccessToken: "chra_x", Metadata: metadata, BodyClientId: "mine", BodyClientSecret: "mine",
	}
	if diff := cmp.Diff(want, w.registration.last, protocmp.Transform()); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

// A URL as client_id is asked of the registry like any other, and the refusal is
// a page.
func TestN211_AClientThatIsAURLIsAPage(t *testing.T) {
	w := newWorld(t, openRegistration)
	const id = "https://client.example/oauth/m.json"
	w.authorize.begin = func(req *authorizev1.StartAuthorizationRequest) (*authorizev1.Step, error) {
		if !strings.Contains(req.String(), id) {
			t.Errorf("request = %v", req)
		}
		return errorStep("invalid_client", "client is unknown"), nil
	}
	w.get("/oauth/authorize?response_type=code&client_id="+id).wantPage(t, 400)
}

func TestRegistrationIsNotForWebPagesOfOthers(t *testing.T) {
	w := newWorld(t, openRegistration)
	w.registry.origins = []string{"https://app.example"}
	for _, path := range []string{"/oauth/register", ownPath} {
		got := w.do(call{method: "OPTIONS", path: path, header: headerOf([]string{"Origin", "https://app.example", "Access-Control-Request-Method", "POST"})})
		got.wantStatus(t, 405)
		noCORS(t, path, got)
	}
}

// N220: neither a token nor a secret is in the log.
func TestN220_RegistrationLeavesNoSecretInTheLog(t *testing.T) {
	w := newWorld(t, openRegistration)
	w.sendJSON("POST", "/oauth/register", goodMetadata, "Authorization", "Bearer chia_canary").wantStatus(t, 201)
	w.sendJSON("PUT", ownPath, `{"client_secret":"chcs_canary"}`, "Authorization", "Bearer chra_canary").wantStatus(t, 200)
	w.registration.refuse = oauth.Refuse(oauth.InvalidToken, "no")
	w.get(ownPath, "Authorization", "Bearer chra_canary").wantStatus(t, 401)
	w.registration.refuse = errors.New("the store is away")
	w.get(ownPath, "Authorization", "Bearer chra_canary").wantStatus(t, 500)
	if log := w.log.String(); strings.Contains(log, "canary") || log == "" {
		t.Errorf("log = %s", log)
	}
}
