//go:build size

package size

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	"github.com/chancery-auth/chancery/services/directory"
)

// attacker is the address of the attacks, and attempts how many accounts it tries.
const (
	attacker = "203.0.113.66"
	attempts = 10_000
)

// One address keeps 100 sign-ins in flight with a password that is right, so that no
// limit on failures stops it; then it tries 10⁴ accounts. All the time users at other
// addresses sign in.
func TestSignInUnderAttack(t *testing.T) {
	s := serveSignIn(t)
	for name, work := range map[string]func() (string, string){
		"100 sign-ins in flight from one address": func() (string, string) { return s.username, s.password },
		"10000 accounts tried from one address":   s.strangers(),
	} {
		var (
			stop     = make(chan struct{})
			flood    sync.WaitGroup
			statuses [600]atomic.Int64
		)
		for range 100 {
			flood.Go(func() {
				client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
				defer client.CloseIdleConnections()
				for {
					select {
					case <-stop:
						return
					default:
					}
					username, password := work()
					statuses[s.attempt(t, &client, attacker, username, password)].Add(1)
				}
			})
		}
		waits := s.honest(t)
		close(stop)
		flood.Wait()
		p50, p99 := waits[len(waits)/2], waits[len(waits)*99/100]
		report(t, "sign-in under attack: "+name, "p50=%s p99=%s attacker: in=%d refused=%d limited=%d busy=%d",
			p50.Round(time.Millisecond), p99.Round(time.Millisecond), statuses[303].Load(), statuses[401].Load(), statuses[429].Load(), statuses[503].Load())
		if p99 > 2*time.Second {
			t.Errorf("%s: one in a hundred users waits for %s, want up to 2s", name, p99)
		}
	}
}

// strangers are names that nobody has, one after the other.
func (*signInServer) strangers() func() (string, string) {
	var n atomic.Int64
	return func() (string, string) { return fmt.Sprint("stranger ", n.Add(1)%attempts), "wrong horse" }
}

// honest signs the user in from 200 addresses, one after the other, and returns how
// long that took, the shortest first.
func (s *signInServer) honest(t *testing.T) (waits []time.Duration) {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	for i := range 200 {
		begin := time.Now()
		if status := s.attempt(t, &client, fmt.Sprintf("198.51.100.%d", i), s.username, s.password); status != http.StatusSeeOther {
			t.Errorf("a user who signs in gets %d", status)
		}
		waits = append(waits, time.Since(begin))
	}
	slices.Sort(waits)
	return waits
}

// signInServer is a chancery of one process on Postgres, with a form to sign in.
type signInServer struct {
	issuer, username, password string
	cookie                     *http.Cookie
	token                      string
}

func serveSignIn(t *testing.T) *signInServer {
	t.Helper()
	program, data, database := filepath.Join(t.TempDir(), "chancery"), t.TempDir(), pgtest.URL(t)
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/chancery").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if out, err := exec.Command(program, "migrate", "up", "--database", database).CombinedOutput(); err != nil {
		t.Fatalf("migrate up: %v\n%s", err, out)
	}
	// Its limit on requests would stop the attacks earlier.
	server := exec.Command(program, "serve", "--demo", "--json", "--data", data, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0",
		"--database", database, "--unsafe-no-rate-limits", "--trusted-proxy", "127.0.0.0/8")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	var said struct {
		Issuer string `json:"issuer"`
		Demo   struct {
			User struct{ Username, Password string }
		} `json:"demo"`
	}
	if err := json.NewDecoder(out).Decode(&said); err != nil {
		t.Fatalf("serve says nothing: %v", err)
	}
	s := &signInServer{issuer: said.Issuer, username: said.Demo.User.Username, password: said.Demo.User.Password}
	s.open(t)
	return s
}

// open gets the form. It is bound to a cookie, and counts more than once.
func (s *signInServer) open(t *testing.T) {
	t.Helper()
	resp, err := http.Get(s.issuer + "/signin?next=%2Faccount%2Fapps")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(`name="form_token" value="([^"]+)"`).FindSubmatch(page)
	for _, c := range resp.Cookies() {
		if c.Name == "__Host-signin" {
			s.cookie = c
		}
	}
	if token == nil || s.cookie == nil {
		t.Fatalf("the sign-in page has no form: %d", resp.StatusCode)
	}
	s.token = string(token[1])
}

// attempt tries to sign in from an address, and returns the status of the answer.
func (s *signInServer) attempt(t *testing.T, client *http.Client, address, username, password string) int {
	t.Helper()
	form := url.Values{
		"form_token": {s.token}, "next": {"/account/apps"}, "action": {"sign-in"}, "username": {username}, "password": {password},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer+"/signin", strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return 0
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", address)
	req.AddCookie(s.cookie)
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// samples are how many are taken of each kind, in no order: garbage that is collected
// after each second hash would count against one of the kinds.
const samples = 1000

// N071: a user whom there is and one whom there is not are refused in the same time.
func TestN071_UnknownAndWrongTakeTheSameTime(t *testing.T) {
	cfg := directory.Default()
	cfg.Attempts.Delay = 0
	for _, limit := range []*int{&cfg.Attempts.Pair.Attempts, &cfg.Attempts.Account.Attempts, &cfg.Attempts.Address.Attempts} {
		*limit = math.MaxInt32
	}
	local, err := grpcserve.NewLocal(grpcserve.Options{Log: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer("")})
	if err != nil {
		t.Fatal(err)
	}
	directory.New(cfg, directory.Deps{
		Stores: directory.NewStores(databasetest.Postgres(t, coherence.Set(), events.Set(), directory.Migrations())),
	}).Register(local)
	admin, authorize := directoryv1.NewDirectoryServiceClient(local.Conn(grpcserve.Admin)), directoryv1.NewDirectoryServiceClient(local.Conn("authorize"))
	if _, err := admin.CreateSubject(t.Context(), &directoryv1.CreateSubjectRequest{Username: "ada", Password: "correct horse"}); err != nil {
		t.Fatal(err)
	}
	names := slices.Repeat([]string{"ada", "bob"}, samples)
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	times := map[string][]float64{}
	for _, name := range names {
		begin := time.Now()
		resp, err := authorize.Authenticate(t.Context(), &directoryv1.AuthenticateRequest{Username: name, Password: "wrong horse", AddressBlock: "192.0.2.1/32"})
		if err != nil || resp.GetOutcome() != directoryv1.AuthenticateResponse_OUTCOME_REFUSED {
			t.Fatalf("Authenticate() = %v, %v", resp, err)
		}
		times[name] = append(times[name], time.Since(begin).Seconds())
	}
	known, unknown := median(times["ada"]), median(times["bob"])
	report(t, "time of a refusal (N071)", "samples=%d median_known=%.2fms median_unknown=%.2fms welch_t=%.2f",
		2*samples, known*1000, unknown*1000, welch(times["ada"], times["bob"]))
	// A hash that is missing, or of other costs, is a difference of half at least.
	if d := math.Abs(known - unknown); d > 0.05*min(known, unknown) {
		t.Errorf("the medians are %.2f ms apart", d*1000)
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// welch is the statistic of Welch's t-test.
func welch(a, b []float64) float64 {
	meanA, varianceA := moments(a)
	meanB, varianceB := moments(b)
	return (meanA - meanB) / math.Sqrt(varianceA/float64(len(a))+varianceB/float64(len(b)))
}

func moments(values []float64) (mean, variance float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		variance += (v - mean) * (v - mean) / float64(len(values)-1)
	}
	return mean, variance
}
