package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// parallel is how many callers a benchmark has for each processor.
const parallel = 32

// unlimited lifts the limits on requests from one address: a load generator is one.
const unlimited = "--unsafe-no-rate-limits"

// BenchmarkIntrospect compares gRPC Introspect with a bare grpc-go echo of the
// same messages, in turns within one run. The metric "ratio" is Introspect's rate
// in parts of the echo's, which any machine can be judged by.
func BenchmarkIntrospect(b *testing.B) {
	s := start(b, unlimited)
	req := &introspectionv1.IntrospectRequest{
		Token: clientToken(b, s), ClientId: s.Demo.Client.ClientID, ClientSecret: s.Demo.Client.ClientSecret,
	}
	chancery := introspectionClient(b, s.GRPC)
	answer, err := chancery.Introspect(b.Context(), req)
	if err != nil || !answer.GetActive() {
		b.Fatalf("introspect = %v, %v", answer, err)
	}
	echo := introspectionClient(b, startEcho(b))
	var echoTime, chanceryTime time.Duration
	b.ResetTimer()
	for range 4 {
		echoTime += measure(b, echo, req)
		chanceryTime += measure(b, chancery, req)
	}
	b.ReportMetric(float64(echoTime)/float64(chanceryTime), "ratio")
	b.ReportMetric(4*float64(b.N)/chanceryTime.Seconds(), "introspect/s")
	b.ReportMetric(4*float64(b.N)/echoTime.Seconds(), "echo/s")
	b.ReportMetric(0, "ns/op")
}

func introspectionClient(b *testing.B, address string) introspectionv1.IntrospectionServiceClient {
	b.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return introspectionv1.NewIntrospectionServiceClient(conn)
}

// measure makes b.N calls from as many callers as a benchmark has.
func measure(b *testing.B, client introspectionv1.IntrospectionServiceClient, req *introspectionv1.IntrospectRequest) time.Duration {
	b.Helper()
	began := time.Now()
	inParallel(b, b.N, func() error {
		_, err := client.Introspect(b.Context(), req)
		return err
	})
	return time.Since(began)
}

// inParallel calls work n times from 64 callers.
func inParallel(b *testing.B, n int, work func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	failed := make(chan error, 2*parallel)
	for range 2 * parallel {
		go func() {
			for left.Add(-1) >= 0 {
				if err := work(); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range 2 * parallel {
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
}

// echoVariable makes a process of this test binary the echo server.
const echoVariable = "CHANCERY_E2E_ECHO"

// startEcho starts a bare grpc-go server in a process of its own, which answers
// as introspection does, and returns its address.
func startEcho(b *testing.B) string {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	process := exec.Command(self)
	process.Env = append(os.Environ(), echoVariable+"=1")
	out, err := process.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := process.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = process.Process.Kill(); _ = process.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// serveEcho is that process.
func serveEcho() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	server := grpc.NewServer()
	introspectionv1.RegisterIntrospectionServiceServer(server, echoService{})
	fmt.Println(listener.Addr())
	if err := server.Serve(listener); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

type echoService struct {
	introspectionv1.UnimplementedIntrospectionServiceServer
}

// Introspect answers with a message of the size that the real one has.
func (echoService) Introspect(_ context.Context, req *introspectionv1.IntrospectRequest) (*introspectionv1.IntrospectResponse, error) {
	kind, issuer, id := "Bearer", "http://localhost:40000", "62026483c84c14d1c92ba51353814aaf"
	expires, issued := int64(1795241657), int64(1795238057)
	return &introspectionv1.IntrospectResponse{
		Active: true, ClientId: &req.ClientId, Sub: &req.ClientId, TokenType: &kind, Exp: &expires, Iat: &issued,
		Iss: &issuer, Aud: []string{issuer}, Jti: &id,
	}, nil
}

// onPostgres starts a server on Postgres without limits, and lets every caller
// keep its connection.
func onPostgres(b *testing.B) *server {
	b.Helper()
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 2 * parallel
	for _, db := range databases() {
		if db.name == "postgres" {
			return start(b, append(db.flags(b), unlimited)...)
		}
	}
	b.Fatal("there is no Postgres among the databases")
	return nil
}

// BenchmarkClientCredentials issues tokens of the client's own, over HTTP on
// Postgres.
func BenchmarkClientCredentials(b *testing.B) {
	s := onPostgres(b)
	perSecond(b, func() error { return exchange(b, s, url.Values{"grant_type": {"client_credentials"}}) })
}

// BenchmarkRefresh rotates refresh tokens with an RS256 ID token, over HTTP on
// Postgres: 64 families, each refreshed by one caller after another.
func BenchmarkRefresh(b *testing.B) {
	s := onPostgres(b)
	a := newApp(b, s, "openid", "offline_access")
	p := newPerson(b, s)
	tokens := make(chan string, 2*parallel)
	for range 2 * parallel {
		try := a.begin(forceConsent())
		tokens <- a.tokens(b, s, try, p.authorize(try.link)).RefreshToken
	}
	perSecond(b, func() error {
		token, err := a.TokenSource(b.Context(), &oauth2.Token{RefreshToken: <-tokens}).Token()
		if err != nil {
			return err
		}
		tokens <- token.RefreshToken
		return nil
	})
}

// BenchmarkCodeFlow goes from the authorization request to the tokens, signed in
// and with consent given before, with an RS256 ID token, over HTTP on Postgres.
func BenchmarkCodeFlow(b *testing.B) {
	s := onPostgres(b)
	a := newApp(b, s, "openid")
	p := newPerson(b, s)
	first := a.begin()
	a.tokens(b, s, first, p.authorize(first.link))
	perSecond(b, func() error {
		try := a.begin()
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, try.link, nil)
		if err != nil {
			return err
		}
		for name, value := range p.cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		location, err := resp.Location()
		if err != nil {
			return err
		}
		return exchange(b, s, url.Values{
			"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")},
			"code_verifier": {try.verifier}, "redirect_uri": {a.RedirectURL},
		})
	})
}

// exchange makes a token request.
func exchange(b *testing.B, s *server, form url.Values) error {
	b.Helper()
	status, body := post(b, s, "/oauth/token", form)
	if status != http.StatusOK {
		return fmt.Errorf("token endpoint answers %d: %s", status, body)
	}
	return nil
}

// perSecond reports how often work is done in a second.
func perSecond(b *testing.B, work func() error) {
	b.Helper()
	b.ResetTimer()
	inParallel(b, b.N, work)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}
