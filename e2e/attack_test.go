package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	// The contracts, for every method there is.
	_ "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	_ "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	_ "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	_ "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	_ "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	_ "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// ask makes a request as anybody could, and returns the answer with its body.
func ask(t testing.TB, method, location string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, location, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, content
}

// N035: the claims parameter widens nothing.
func TestN035_TheClaimsParameterWidensNothing(t *testing.T) {
	s := start(t)
	a := newApp(t, s, "openid")
	try := a.begin()
	answer := newPerson(t, s).authorize(try.link + "&claims=" + url.QueryEscape(`{"userinfo":{"email":{"essential":true}}}`))
	token := a.tokens(t, s, try, answer)
	_, body := ask(t, http.MethodGet, s.Issuer+"/oauth/userinfo", http.Header{"Authorization": {"Bearer " + token.AccessToken}})
	if claims := decode[map[string]any](t, body); len(claims) != 1 || claims["sub"] == nil {
		t.Errorf("userinfo with the scope openid = %s", body)
	}
}

// N051: only a POST pushes, and only its body.
func TestN051_OnlyABodyIsPushed(t *testing.T) {
	s := start(t)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		if resp, _ := ask(t, method, s.Issuer+"/oauth/par", nil); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") == "" {
			t.Errorf("%s = %d, Allow %q", method, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
	form := url.Values{
		"response_type": {"code"}, "redirect_uri": {s.Demo.Client.RedirectURI}, "scope": {"openid"},
		"code_challenge": {strings.Repeat("A", 43)}, "code_challenge_method": {"S256"},
	}
	if status, body := post(t, s, "/oauth/par?prompt=consent", form); status != http.StatusBadRequest || !strings.Contains(string(body), "invalid_request") {
		t.Errorf("with a query: %d %s", status, body)
	}
	if status, body := post(t, s, "/oauth/par", form); status != http.StatusCreated {
		t.Errorf("without: %d %s", status, body)
	}
}

// N077: a session cookie that is not one is none.
func TestN077_AMangledSessionCookieIsNone(t *testing.T) {
	s := start(t, skipping(t)...)
	a := newApp(t, s, "openid")
	p := newPerson(t, s)
	p.authorize(a.begin().link)
	genuine := p.cookies["__Host-session"]
	if genuine == "" {
		t.Fatalf("there is no session cookie among %v", p.cookies)
	}
	var binding string
	for name, value := range p.cookies {
		if strings.HasPrefix(name, "__Host-tx-") {
			binding = value
		}
	}
	flipped := genuine[:5] + string(genuine[5]^1) + genuine[6:]
	for name, value := range map[string]string{"truncated": genuine[:20], "flipped": flipped, "longer": genuine + "A", "another kind of cookie": binding, "empty": ""} {
		p.cookies["__Host-session"] = value
		if at := p.open(a.begin().link); !strings.HasPrefix(at.location, "/signin") {
			t.Errorf("%s: %d to %q, want the sign-in page", name, at.status, at.location)
		}
	}
	p.cookies["__Host-session"] = genuine
	if at := p.open(a.begin().link); !strings.HasPrefix(at.location, s.Demo.Client.RedirectURI) {
		t.Errorf("the genuine cookie leads to %q", at.location)
	}
}

// N134: the answer of the token endpoint is for nobody else.
func TestN134_TokenAnswersAreNotKept(t *testing.T) {
	s := start(t)
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept-Encoding": {"gzip"}, "Origin": {"https://evil.test"}}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.Demo.Client.ClientID}}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Issuer+"/oauth/token", strings.NewReader(form.Encode()))
	req.Header = header
	req.SetBasicAuth(s.Demo.Client.ClientID, s.Demo.Client.ClientSecret)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d with Cache-Control %q", resp.StatusCode, resp.Header.Get("Cache-Control"))
	}
	for _, name := range []string{"Set-Cookie", "Content-Encoding", "Access-Control-Allow-Credentials", "Access-Control-Allow-Origin"} {
		if v := resp.Header.Get(name); v != "" {
			t.Errorf("%s: %s", name, v)
		}
	}
}

// N146, N163: no credential passes as another.
func TestN146_N163_NoCredentialPassesAsAnother(t *testing.T) {
	s := start(t)
	a := newApp(t, s, "openid", "offline_access")
	try := a.begin(forceConsent())
	p := newPerson(t, s)
	token := a.tokens(t, s, try, p.authorize(try.link))
	other := a.begin()
	code := p.authorize(other.link).Get("code")
	idToken, _ := token.Extra("id_token").(string)
	for name, bearer := range map[string]string{"refresh token": token.RefreshToken, "code": code, "ID token": idToken, "client secret": s.Demo.Client.ClientSecret} {
		header := http.Header{"Authorization": {"Bearer " + bearer}}
		if resp, _ := ask(t, http.MethodGet, s.Issuer+"/oauth/userinfo", header); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s at userinfo: %d", name, resp.StatusCode)
		}
		if _, body := ask(t, http.MethodGet, s.Issuer+"/oauth/validate", header); strings.TrimSpace(string(body)) != `{"active":false,"exp":null,"workspace_url":null,"scopes":[]}` {
			t.Errorf("%s at validate: %s", name, body)
		}
		if answer := introspect(t, s, bearer); answer.Active {
			t.Errorf("%s is active at introspection", name)
		}
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {bearer}}
		if status, _ := post(t, s, "/oauth/token", form); name != "refresh token" && status != http.StatusBadRequest {
			t.Errorf("%s as refresh token: %d", name, status)
		}
	}
	if !introspect(t, s, token.AccessToken).Active {
		t.Error("the access token itself is not active")
	}
}

// N201, N248: a path is what it is, byte for byte. N206, N223: what is not
// offered is not there.
func TestN201_N206_N223_OnlyWhatIsOfferedIsThere(t *testing.T) {
	s := start(t)
	for _, path := range []string{
		"//.well-known/openid-configuration", "/.well-known/openid-configuration/..;/", "/tenant/.well-known/openid-configuration",
		"/oauth/register", "/oauth/device_authorization", "/device", "/oauth/logout", "/v1/clients", "/debug/pprof/", "/metrics", "/healthz", "/readyz", "/version",
	} {
		if resp, body := ask(t, http.MethodGet, s.Issuer+path, nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s = %d %.80s", path, resp.StatusCode, body)
		}
	}
	_, body := ask(t, http.MethodGet, s.Issuer+"/.well-known/openid-configuration", nil)
	for _, name := range []string{"registration_endpoint", "device_authorization_endpoint", "end_session_endpoint"} {
		if strings.Contains(string(body), name) {
			t.Errorf("the metadata advertises %s", name)
		}
	}
}

// N202: the key set has public keys, each with its name, use and algorithm.
func TestN202_TheKeySetIsPublic(t *testing.T) {
	s := start(t)
	_, body := ask(t, http.MethodGet, s.Issuer+"/.well-known/jwks.json", nil)
	set := decode[struct{ Keys []map[string]string }](t, body)
	if len(set.Keys) != 2 {
		t.Fatalf("%d keys, want one of each algorithm", len(set.Keys))
	}
	seen := make(map[string]bool)
	for _, key := range set.Keys {
		for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if key[name] != "" {
				t.Errorf("the key set shows %s", name)
			}
		}
		if key["kid"] == "" || seen[key["kid"]] || key["use"] != "sig" || key["alg"] != "RS256" && key["alg"] != "ES256" {
			t.Errorf("key %v", key)
		}
		seen[key["kid"]] = true
		if key["kty"] == "RSA" && len(key["n"]) < 342 || key["kty"] == "EC" && key["crv"] != "P-256" {
			t.Errorf("key is too short: %v", key)
		}
	}
}

// N240: who sends a header slowly is not waited for.
func TestN240_SlowHeadersAreNotWaitedFor(t *testing.T) {
	s := start(t)
	conn, err := net.Dial("tcp", s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(startTimeout))
	rest, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("the connection is still open: %v %s", err, rest)
	}
}

// N252, N280: nothing that is secret is in the log, or in any file below the
// data folder that is not for the operator alone.
func TestN252_N280_SecretsStayOutOfLogsAndDatabase(t *testing.T) {
	s := start(t, "--log-level", "debug")
	a := newApp(t, s, "openid", "workspace:member", "offline_access")
	p := newPerson(t, s)
	try := a.begin(forceConsent())
	answer := p.authorize(try.link)
	token := a.tokens(t, s, try, answer)
	idToken, _ := token.Extra("id_token").(string)
	second := decode[struct {
		RefreshToken string `json:"refresh_token"`
	}](t, second(post(t, s, "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}})))
	introspect(t, s, token.AccessToken)
	post(t, s, "/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "code_verifier": {try.verifier}})
	post(t, s, "/oauth/revoke", url.Values{"token": {second.RefreshToken}})
	canaries := map[string]string{
		"password": s.Demo.User.Password, "client secret": s.Demo.Client.ClientSecret, "code": answer.Get("code"),
		"verifier": try.verifier, "access token": token.AccessToken, "refresh token": token.RefreshToken,
		"successor": second.RefreshToken, "ID token": idToken, "admin credential": strings.TrimSpace(readFile(t, s.AdminCredential)),
	}
	for name, value := range p.cookies {
		canaries["cookie "+name] = value
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	haystacks := map[string][]byte{"log": []byte(s.log.String())}
	err := filepath.WalkDir(s.data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "demo.json") || path == s.AdminCredential {
			return err
		}
		haystacks[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for place, content := range haystacks {
		for name, value := range canaries {
			if value != "" && bytes.Contains(content, []byte(value)) {
				t.Errorf("the %s is in %s", name, place)
			}
		}
	}
}

// second is the body of an answer.
func second(_ int, body []byte) []byte { return body }

// N263: no request that a method can be sent makes it fail for a reason of its own.
func TestN263_NoRequestBreaksAMethod(t *testing.T) {
	s := start(t)
	conn, err := grpc.NewClient(s.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+strings.TrimSpace(readFile(t, s.AdminCredential)))
	called := 0
	eachMethod(func(method protoreflect.MethodDescriptor) {
		name := "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
		for _, text := range []string{"", "\x00", strings.Repeat("a", 5000), "'; DROP TABLE x; --", "00000000-0000-4000-8000-000000000000"} {
			req := dynamicpb.NewMessage(method.Input())
			fill(req, text)
			called++
			err := conn.Invoke(ctx, name, req, dynamicpb.NewMessage(method.Output()))
			if code := status.Code(err); code == codes.Internal || code == codes.Unknown || code == codes.Unimplemented {
				t.Errorf("%s with %.10q: %v", name, text, err)
			}
		}
	})
	if called < 100 {
		t.Errorf("%d calls: the contracts are not linked", called)
	}
}

// eachMethod calls f for every method of Chancery's contracts.
func eachMethod(f func(protoreflect.MethodDescriptor)) {
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := 0; strings.HasPrefix(string(service.FullName()), "chancery.") && j < service.Methods().Len(); j++ {
				f(service.Methods().Get(j))
			}
		}
		return true
	})
}

// fill sets every string of a message to text, and adds one to every list.
func fill(m *dynamicpb.Message, text string) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if field.Kind() != protoreflect.StringKind || text == "" {
			continue
		}
		if field.IsList() {
			m.Mutable(field).List().Append(protoreflect.ValueOfString(text))
			continue
		}
		m.Set(field, protoreflect.ValueOfString(text))
	}
}

// N264: what is for operators is not on the ports of others.
func TestN264_NoReflectionOnThePlatformsPort(t *testing.T) {
	s := start(t)
	conn, err := grpc.NewClient(s.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
	if err == nil {
		err = stream.RecvMsg(&json.RawMessage{})
	}
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("reflection = %v, want Unimplemented", err)
	}
}
