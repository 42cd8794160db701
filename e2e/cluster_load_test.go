package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// pace is the pause of a worker after each request: the load is to meet the
	// faults, not to be the fault.
	pace = 15 * time.Millisecond
	// persistence is how long a worker repeats a request that may be repeated.
	persistence = 30 * time.Second
	// perRequest bounds one request.
	perRequest = 10 * time.Second
)

// load is workers that use the cluster as clients do, and what they have been
// told.
type load struct {
	f *fleet
	// strict makes every answer but the right one a failure. Otherwise a worker
	// repeats what failed for a reason that passes.
	strict bool
	client *http.Client
	// keeper holds on to its own tokens, and revoker ends its own: so many that the
	// older ones end with them.
	keeper, revoker clientLogin
	wg              sync.WaitGroup
	done            atomic.Int64
	again           atomic.Int64

	mu       sync.Mutex
	failures []error
	revoked  []string // acknowledged
	alive    []string // issued, not revoked
	refresh  []string // current refresh token of each family
	idToken  string   // the last that was issued
}

// clientLogin is by what a client authenticates.
type clientLogin struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// errTransient is a failure after which the same request may succeed.
var errTransient = errors.New("transient")

// errWrong is an answer that is not true.
var errWrong = errors.New("a good token is not active")

// newLoad prepares a load. Its families are made before anything is broken.
func newLoad(t *testing.T, f *fleet, families int) *load {
	t.Helper()
	l := &load{f: f, client: &http.Client{
		Timeout: perRequest, Transport: &http.Transport{MaxIdleConnsPerHost: 16},
	}}
	t.Cleanup(l.client.CloseIdleConnections)
	l.keeper = clientLogin{f.s.Demo.Client.ClientID, f.s.Demo.Client.ClientSecret}
	l.revoker = admin[clientLogin](t, f, "client", "create", "--name", "Revoker",
		"--grant-type", "client_credentials", "--scope", "introspect")
	a := newApp(t, f.s, "openid", "offline_access")
	p := newPerson(t, f.s)
	for range families {
		try := a.begin(forceConsent())
		l.refresh = append(l.refresh, a.tokens(t, f.s, try, p.authorize(try.link)).RefreshToken)
	}
	return l
}

// run starts workers, one for each piece of work and one for each family, and
// returns a function that ends them and says what has failed.
func (l *load) run(t *testing.T, work ...func(context.Context) error) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	for i := range l.refresh {
		work = append(work, func(ctx context.Context) error { return l.rotate(ctx, i) })
	}
	for _, each := range work {
		l.wg.Go(func() { l.worker(ctx, each) })
	}
	end = sync.OnceFunc(func() {
		cancel()
		l.wg.Wait()
		l.report(t)
	})
	t.Cleanup(end)
	return end
}

// report fails the test for what has failed, saying each thing once.
func (l *load) report(t *testing.T) {
	t.Helper()
	t.Logf("%d requests, %d of them repeated, %d failed", l.done.Load(), l.again.Load(), len(l.failures))
	if l.done.Load() == 0 {
		t.Error("there was no load")
	}
	said := map[string]bool{}
	for _, err := range l.failures {
		if !said[err.Error()] {
			t.Error(err)
		}
		said[err.Error()] = true
	}
	l.failures = nil
}

func (l *load) worker(ctx context.Context, work func(context.Context) error) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		// A request that has begun is finished: its end is not a failure.
		if err := work(context.WithoutCancel(ctx)); err != nil {
			l.mu.Lock()
			l.failures = append(l.failures, err)
			l.mu.Unlock()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// post sends a form as a client and returns a good answer's body. It tries again for
// as long as that may help, unless the load is strict.
func (l *load) post(ctx context.Context, as clientLogin, path string, form url.Values) ([]byte, error) {
	return l.do(func() (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.f.Issuer+path, strings.NewReader(form.Encode()))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(as.ID, as.Secret)
		return req, nil
	})
}

func (l *load) do(request func() (*http.Request, error)) ([]byte, error) {
	giveUp := time.After(persistence)
	ticker := time.NewTicker(5 * pace)
	defer ticker.Stop()
	for {
		req, err := request()
		if err != nil {
			return nil, err
		}
		l.done.Add(1)
		body, err := l.once(req)
		if err == nil || l.strict || !errors.Is(err, errTransient) {
			return body, err
		}
		l.again.Add(1)
		select {
		case <-ticker.C:
		case <-giveUp:
			return nil, fmt.Errorf("for %s: %w", persistence, err)
		}
	}
}

// once sends a request. Fails with errTransient for what a client may repeat.
func (l *load) once(req *http.Request) ([]byte, error) {
	resp, err := l.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", req.URL.Path, errTransient, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", req.URL.Path, errTransient, err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		if resp.Header.Get("Retry-After") == "" {
			return nil, fmt.Errorf("%s answers %d without Retry-After", req.URL.Path, resp.StatusCode)
		}
		return nil, fmt.Errorf("%s answers %d: %w: %s", req.URL.Path, resp.StatusCode, errTransient, body)
	default:
		return nil, fmt.Errorf("%s answers %d: %s", req.URL.Path, resp.StatusCode, body)
	}
}

// tokenAnswer is RFC 6749 §5.1.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
}

func (l *load) token(ctx context.Context, as clientLogin, form url.Values) (answer tokenAnswer, err error) {
	body, err := l.post(ctx, as, "/oauth/token", form)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(body, &answer)
}

// issue gets a token of the client's own, and keeps it.
func (l *load) issue(ctx context.Context) error {
	answer, err := l.token(ctx, l.keeper, url.Values{"grant_type": {"client_credentials"}})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alive = append(l.alive, answer.AccessToken)
	return nil
}

// revoke revokes a token of the client's own.
func (l *load) revoke(ctx context.Context) error {
	answer, err := l.token(ctx, l.revoker, url.Values{"grant_type": {"client_credentials"}})
	if err != nil {
		return err
	}
	if _, err := l.post(ctx, l.revoker, "/oauth/revoke", url.Values{"token": {answer.AccessToken}}); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revoked = append(l.revoked, answer.AccessToken)
	return nil
}

// introspect asks about a token that was issued and not revoked.
func (l *load) introspect(ctx context.Context) error {
	l.mu.Lock()
	token := slices.Clone(l.alive[max(0, len(l.alive)-1):])
	l.mu.Unlock()
	if len(token) == 0 {
		return nil
	}
	return l.isActive(ctx, token[0])
}

// isActive fails unless the token is active.
func (l *load) isActive(ctx context.Context, token string) error {
	active, err := l.ask(ctx, l.keeper, token)
	if err == nil && !active {
		return errWrong
	}
	return err
}

// ask introspects a token.
func (l *load) ask(ctx context.Context, as clientLogin, token string) (active bool, err error) {
	body, err := l.post(ctx, as, "/oauth/introspect", url.Values{"token": {token}})
	if err != nil {
		return false, err
	}
	var answer introspection
	err = json.Unmarshal(body, &answer)
	return answer.Active, err
}

// rotate refreshes one family, and asks who the subject of its token is.
func (l *load) rotate(ctx context.Context, family int) error {
	answer, err := l.token(ctx, l.keeper, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {l.refresh[family]}})
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	// The one worker of the family is the only one to touch this.
	l.refresh[family] = answer.RefreshToken
	l.mu.Lock()
	l.idToken = answer.IDToken
	l.mu.Unlock()
	return l.userinfo(ctx, answer.AccessToken)
}

// userinfo asks who the subject of a token is.
func (l *load) userinfo(ctx context.Context, token string) error {
	_, err := l.do(func() (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.f.Issuer+"/oauth/userinfo", nil)
		if err == nil {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		return req, err
	})
	return err
}

// mixed is the work of a load that repeats what fails.
func (l *load) mixed() []func(context.Context) error {
	return []func(context.Context) error{l.issue, l.revoke, l.introspect}
}

// checkAcknowledged checks everything that the workers were told: what was
// revoked stays so, what was issued works, and so does the successor of each
// refresh token. It waits until the bound has passed since the last revocation.
func (l *load) checkAcknowledged(t *testing.T) {
	t.Helper()
	l.strict = false
	over := time.After(bound)
	if len(l.revoked) == 0 || len(l.alive) == 0 {
		t.Fatalf("%d tokens revoked and %d issued", len(l.revoked), len(l.alive))
	}
	for family := range l.refresh {
		if err := l.rotate(t.Context(), family); err != nil {
			t.Errorf("the current refresh token: %v", err)
		}
	}
	for _, token := range some(l.alive) {
		if err := l.isActive(t.Context(), token); err != nil {
			t.Errorf("an issued token: %v", err)
		}
	}
	<-over
	for _, token := range some(l.revoked) {
		if active, err := l.ask(t.Context(), l.revoker, token); err != nil || active {
			t.Errorf("a revoked token is active: %v, %v", active, err)
		}
	}
}

// some are at most 300 of a list, spread over all of it.
func some(list []string) []string {
	step := len(list)/300 + 1
	var picked []string
	for i := 0; i < len(list); i += step {
		picked = append(picked, list[i])
	}
	return picked
}
