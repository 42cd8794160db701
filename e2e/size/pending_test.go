//go:build size

package size

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// perAddress and inAll are bounds of authorizations that wait.
const perAddress, inAll = 1000, 100_000

// A hundred thousand authorization requests without cookies come from one address,
// while a person at another one opens the sign-in page again and again.
func TestAuthorizationRequestsFromOneAddress(t *testing.T) {
	const requests = 100_000
	s := serveOnPostgres(t)
	rows := s.flood(t, "authorization requests from one address", requests, func(int64) string { return attacker })
	// Of the flood a thousand, and one for each request that ran together with another;
	// of the visitor a thousand that were seen and as many that were not.
	if most := int64(3*perAddress + 2*flooders); rows > most {
		t.Errorf("%d authorizations wait, want up to %d", rows, most)
	}
}

// More requests than may wait in all come from an address each.
func TestAuthorizationRequestsFromManyAddresses(t *testing.T) {
	const requests = inAll * 6 / 5
	s := serveOnPostgres(t)
	rows := s.flood(t, "authorization requests from many addresses", requests, func(n int64) string {
		return fmt.Sprintf("10.%d.%d.%d", byte(n>>16), byte(n>>8), byte(n))
	})
	// The bound in all may be exceeded by a hundredth; of the visitor there are those
	// that were seen, which are counted by themselves.
	if most := int64(inAll + inAll/100 + perAddress + 2*flooders); rows > most || rows < inAll*9/10 {
		t.Errorf("%d authorizations wait, want about %d", rows, inAll)
	}
}

// flooders are how many clients send at once.
const flooders = 16

// flood begins so many authorizations from addresses, while a person visits the
// sign-in page, and another has one open. It returns how many rows are left.
func (s *served) flood(t *testing.T, name string, requests int64, address func(n int64) string) (rows int64) {
	t.Helper()
	opened := s.openSignIn(t, reader)
	var begun, busy atomic.Int64
	var flood sync.WaitGroup
	start := time.Now()
	for range flooders {
		flood.Go(func() {
			client := newClient()
			defer client.CloseIdleConnections()
			for n := begun.Add(1); n <= requests; n = begun.Add(1) {
				switch status, _ := s.get(t, client, s.link(), address(n), nil); status {
				case http.StatusSeeOther:
				case http.StatusServiceUnavailable:
					busy.Add(1)
				default:
					t.Errorf("authorize answers %d", status)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { flood.Wait(); close(done) }()
	waits := s.visit(t, done)
	took := time.Since(start)

	rows, bytes := s.pending(t)
	report(t, name, "requests=%d busy=%d took=%s rate=%.0f/s rows=%d table=%.1fMiB visits=%d visit_p50=%s visit_p99=%s",
		requests, busy.Load(), took.Round(time.Second), float64(requests)/took.Seconds(), rows, float64(bytes)/(1<<20),
		len(waits), waits[len(waits)/2].Round(time.Millisecond), waits[len(waits)*99/100].Round(time.Millisecond))
	// The server may be busy for a few of the flood, and never for a person.
	if n := busy.Load(); n > requests/1000 {
		t.Errorf("%d of %d requests are not answered", n, requests)
	}
	client := newClient()
	defer client.CloseIdleConnections()
	if status, _ := s.get(t, client, opened.location, reader, opened.cookies); status != http.StatusOK {
		t.Errorf("the page that was open before the flood answers %d", status)
	}
	return rows
}

// visitor is where the person comes from who opens pages all the time, and reader where
// another does who has one open.
const visitor, reader = "198.51.100.7", "198.51.100.8"

// visit opens the sign-in page until done, and at least once, and returns how long each
// visit took, the shortest first.
func (s *served) visit(t *testing.T, done <-chan struct{}) (waits []time.Duration) {
	t.Helper()
	for {
		begin := time.Now()
		s.openSignIn(t, visitor)
		waits = append(waits, time.Since(begin))
		select {
		case <-done:
			slices.Sort(waits)
			return waits
		default:
		}
	}
}

// served is a chancery of one process on Postgres.
type served struct {
	Issuer string `json:"issuer"`
	Demo   struct {
		Client struct {
			ClientID    string `json:"client_id"`
			RedirectURI string `json:"redirect_uri"`
		} `json:"client"`
	} `json:"demo"`
	database string
}

func serveOnPostgres(t *testing.T) *served {
	t.Helper()
	program := filepath.Join(t.TempDir(), "chancery")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/chancery").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	s := &served{database: pgtest.URL(t)}
	if out, err := exec.Command(program, "migrate", "up", "--database", s.database).CombinedOutput(); err != nil {
		t.Fatalf("migrate up: %v\n%s", err, out)
	}
	// Its limit on requests would make the flood wait.
	server := exec.Command(program, "serve", "--demo", "--json", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0",
		"--database", s.database, "--unsafe-no-rate-limits", "--trusted-proxy", "127.0.0.0/8")
	server.Stderr = t.Output()
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	if err := json.NewDecoder(out).Decode(s); err != nil {
		t.Fatalf("serve says nothing: %v", err)
	}
	return s
}

// link begins an authorization, with the challenge of RFC 7636 Appendix B.
func (s *served) link() string {
	return "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {s.Demo.Client.ClientID}, "redirect_uri": {s.Demo.Client.RedirectURI},
		"scope": {"openid"}, "code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}.Encode()
}

// signInPage is one that is open in a browser.
type signInPage struct {
	location string
	cookies  []*http.Cookie
}

// openSignIn begins an authorization as a browser, and opens its page.
func (s *served) openSignIn(t *testing.T, from string) signInPage {
	t.Helper()
	client := newClient()
	defer client.CloseIdleConnections()
	status, begun := s.get(t, client, s.link(), from, nil)
	if status != http.StatusSeeOther {
		t.Fatalf("authorize answers a visitor %d", status)
	}
	if status, _ := s.get(t, client, begun.location, from, begun.cookies); status != http.StatusOK {
		t.Fatalf("the sign-in page answers a visitor %d", status)
	}
	return begun
}

// newClient returns a client that follows nothing.
func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *served) get(t *testing.T, client *http.Client, path, from string, cookies []*http.Cookie) (status int, begun signInPage) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Issuer+path, nil)
	if err != nil {
		t.Error(err)
		return 0, signInPage{}
	}
	req.Header.Set("X-Forwarded-For", from)
	for _, c := range cookies {
		req.AddCookie(c)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return 0, signInPage{}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, signInPage{resp.Header.Get("Location"), resp.Cookies()}
}

// pending returns how many authorizations wait, and the size of their table with its
// indexes.
func (s *served) pending(t *testing.T) (rows, bytes int64) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, s.database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	err = conn.QueryRow(ctx, `SELECT count(*), pg_total_relation_size('authorize.transaction') FROM authorize.transaction`).Scan(&rows, &bytes)
	if err != nil {
		t.Fatal(err)
	}
	return rows, bytes
}
