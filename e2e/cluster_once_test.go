package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/chancery-auth/chancery/e2e/cluster"
	"github.com/chancery-auth/chancery/pkg/jwks"
)

const (
	// redeemed is how many codes are redeemed 64 times at once.
	redeemed = 24
	// refreshed is how often a family is refreshed 64 times at once.
	refreshed = 8
	// asserted is how many assertions are sent 50 times at once.
	asserted = 6
	// killEvery says in which rounds of these a replica is killed: the last of so
	// many.
	killEvery = 4
)

// answer is what one of many equal requests got.
type answer struct {
	status int // 0 if the connection broke
	body   []byte
	retry  string
}

// refuses says whether the answer is an OAuth error of the code.
func (a answer) refuses(code string) bool {
	var e struct{ Error string }
	return json.Unmarshal(a.body, &e) == nil && e.Error == code
}

// away says whether nobody knows what has become of the request, or nothing has.
func (a answer) away() bool {
	return a.status == 0 || a.status == http.StatusServiceUnavailable && a.retry != ""
}

// send posts a form n times at once.
func (l *load) send(t *testing.T, n int, path string, form url.Values) []answer {
	t.Helper()
	list := make([]answer, n)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range list {
		wg.Go(func() {
			<-begin
			list[i] = l.sendOnce(t, path, form)
		})
	}
	close(begin)
	wg.Wait()
	return list
}

func (l *load) sendOnce(t *testing.T, path string, form url.Values) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.f.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return answer{}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !form.Has("client_assertion") {
		req.SetBasicAuth(l.f.s.Demo.Client.ClientID, l.f.s.Demo.Client.ClientSecret)
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return answer{}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}
	}
	return answer{resp.StatusCode, body, resp.Header.Get("Retry-After")}
}

// killing runs do while a replica of the role is killed, in each killEvery-th
// round, and starts it again.
func (f *fleet) killing(t *testing.T, role string, round int, do func() []answer) (list []answer, killed bool) {
	t.Helper()
	if round%killEvery != killEvery-1 {
		return do(), false
	}
	processes := f.Processes(role)
	victim := processes[round/killEvery%len(processes)]
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := victim.Kill(); err != nil {
			t.Error(err)
		}
	})
	list = do()
	wg.Wait()
	if err := victim.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return list, true
}

// codesAreRedeemedOnce is N123.
func codesAreRedeemedOnce(t *testing.T, f *fleet) {
	l := newLoad(t, f, 0)
	a, p := newApp(t, f.s, "openid"), newPerson(t, f.s)
	unknown := 0
	for round := range redeemed {
		try := a.begin(forceConsent())
		form := url.Values{
			"grant_type": {"authorization_code"}, "code": {p.authorize(try.link).Get("code")},
			"code_verifier": {try.verifier}, "redirect_uri": {a.RedirectURL},
		}
		list, killed := f.killing(t, "token", round, func() []answer { return l.send(t, 64, "/oauth/token", form) })
		won := 0
		for _, each := range list {
			switch {
			case each.status == http.StatusOK:
				won++
			case each.refuses("invalid_grant"):
			case killed && each.away():
				unknown++
			default:
				t.Errorf("round %d: a redemption gets %d %s", round, each.status, each.body)
			}
		}
		if won > 1 || won == 0 && !killed {
			t.Errorf("round %d: %d of 64 redemptions succeed (a replica is killed: %t)", round, won, killed)
		}
	}
	t.Logf("%d codes redeemed 64 times each, %d answers lost by kills", redeemed, unknown)
}

// refreshesHaveOneSuccessor is N136.
func refreshesHaveOneSuccessor(t *testing.T, f *fleet) {
	l := newLoad(t, f, 1)
	token, rotations, unknown := l.refresh[0], 0, 0
	for round := range refreshed {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
		list, killed := f.killing(t, "token", round, func() []answer { return l.send(t, 64, "/oauth/token", form) })
		successors := map[string]bool{}
		for _, each := range list {
			var got tokenAnswer
			switch {
			case each.status == http.StatusOK && json.Unmarshal(each.body, &got) == nil:
				successors[got.RefreshToken] = true
			case killed && each.away():
				unknown++
			default:
				t.Errorf("round %d: a refresh gets %d %s", round, each.status, each.body)
			}
		}
		if len(successors) != 1 || successors[token] {
			t.Fatalf("round %d: %d successors, want one, and another than before", round, len(successors))
		}
		for successor := range successors {
			token = successor
		}
		rotations++
	}
	got, err := f.Postgres.SQL(t.Context(), `SELECT generation FROM token.family ORDER BY start_time DESC LIMIT 1`)
	if err != nil || strings.TrimSpace(got) != fmt.Sprint(rotations) {
		t.Errorf("the family has generation %q after %d rotations, %v", got, rotations, err)
	}
	t.Logf("%d rotations by 64 requests each, %d answers lost by kills", rotations, unknown)
}

// assertions signs as a client that authenticates by private_key_jwt.
type assertions struct {
	client string
	issuer string
	keys   *jwks.Set
}

func (f *fleet) newAssertions(t *testing.T) *assertions {
	t.Helper()
	key, err := jwks.Generate(jwks.ES256)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwks.NewSet(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := set.Public()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, public, 0o600); err != nil {
		t.Fatal(err)
	}
	made := admin[struct {
		ClientID string `json:"client_id"`
	}](t, f, "client", "create", "--name", "Signs its requests", "--redirect-uri", "https://signs.example/cb",
		"--auth-method", "private_key_jwt", "--jwks", file, "--grant-type", "authorization_code", "--grant-type", "client_credentials")
	return &assertions{client: made.ClientID, issuer: f.Issuer, keys: set}
}

// next is a form with an assertion that was never used.
func (a *assertions) next(t *testing.T) url.Values {
	t.Helper()
	now := time.Now()
	token, err := a.keys.Sign(jwks.ES256, jwks.IDToken, map[string]any{
		"iss": a.client, "sub": a.client, "aud": a.issuer, "jti": fmt.Sprint(now.UnixNano()),
		"iat": now.Unix(), "exp": now.Add(4 * time.Minute).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {token},
		"grant_type": {"client_credentials"},
	}
}

// pushed is the form with the same assertion as a pushed authorization request.
func pushed(form url.Values) url.Values {
	return url.Values{
		"client_assertion_type": form["client_assertion_type"], "client_assertion": form["client_assertion"],
		"response_type": {"code"}, "redirect_uri": {"https://signs.example/cb"}, "scope": {"openid"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(oauth2.GenerateVerifier())}, "code_challenge_method": {"S256"},
	}
}

// assertionsAreUsedOnce is N117.
func assertionsAreUsedOnce(t *testing.T, f *fleet) {
	l, a := newLoad(t, f, 0), f.newAssertions(t)
	if got := l.sendOnce(t, "/oauth/par", pushed(a.next(t))); got.status != http.StatusCreated {
		t.Fatalf("a good assertion at PAR: %d %s", got.status, got.body)
	}
	used := make([]url.Values, asserted)
	for round := range used {
		used[round] = a.next(t)
		l.acceptsOnce(t, round, used[round])
		for _, each := range l.send(t, 3, "/oauth/par", pushed(used[round])) {
			if !each.refuses("invalid_client") {
				t.Errorf("round %d: pushed again: %d %s", round, each.status, each.body)
			}
		}
	}
	var processes []*cluster.Process
	for _, role := range []string{"registry", "token", "authorize"} {
		processes = append(processes, f.Processes(role)...)
	}
	atOnce(t, processes, (*cluster.Process).Kill)
	atOnce(t, processes, func(p *cluster.Process) error { return p.Start(t.Context()) })
	tick(t, settled, "the cluster answers again", func() bool {
		return l.sendOnce(t, "/oauth/token", a.next(t)).status == http.StatusOK && l.sendOnce(t, "/oauth/par", pushed(a.next(t))).status == http.StatusCreated
	})
	for round, form := range used {
		for path, again := range map[string]url.Values{"/oauth/token": form, "/oauth/par": pushed(form)} {
			if got := l.sendOnce(t, path, again); !got.refuses("invalid_client") {
				t.Errorf("round %d: at %s after the restart: %d %s", round, path, got.status, got.body)
			}
		}
	}
}

// acceptsOnce sends a form 50 times at once.
func (l *load) acceptsOnce(t *testing.T, round int, form url.Values) {
	t.Helper()
	won := 0
	for _, each := range l.send(t, 50, "/oauth/token", form) {
		switch {
		case each.status == http.StatusOK:
			won++
		case !each.refuses("invalid_client"):
			t.Errorf("round %d: %d %s", round, each.status, each.body)
		}
	}
	if won != 1 {
		t.Errorf("round %d: %d of 50 uses of one assertion succeed, want 1", round, won)
	}
}
