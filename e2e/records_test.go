package e2e

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// N323: what one source can cause without end leaves a bounded number of records, and
// what has none of its own is counted. What others do is recorded one by one.
func TestN323_OneSourceLeavesFewRecords(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		r := newTour(t, start(t, slices.Concat(flags, skipping(t), []string{unlimited})...))
		r.repeatsAreOne(t)
		r.failuresAreFew(t)
	})
}

// knownBrowser is one in which the user has signed in before, and does not now.
func (r *tour) knownBrowser(t *testing.T) *person {
	t.Helper()
	p := newPerson(t, r.s)
	p.signedIn("/account/apps")
	maps.DeleteFunc(p.cookies, func(name, _ string) bool { return !strings.Contains(name, "device") })
	if len(p.cookies) != 1 {
		t.Fatalf("the browser has %d cookies of devices", len(p.cookies))
	}
	r.next(t)
	return p
}

func (r *tour) failuresAreFew(t *testing.T) {
	t.Helper()
	const recorded, unheard, counted = 100, 20, 9
	known, stranger, elsewhere := r.knownBrowser(t), newPerson(t, r.s), newPerson(t, r.s)
	elsewhere.client.Transport = &http.Transport{
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext,
	}
	for i := range 3 {
		stranger.fails(fmt.Sprint("nobody", i))
	}
	r.left(t, map[string]int{"sign_in.failed": 3})
	for i := range recorded - 3 + unheard {
		stranger.fails(fmt.Sprint("nobody", i))
	}
	r.left(t, map[string]int{"sign_in.failed": recorded - 3})
	r.counted(t, 0)
	for range counted {
		known.fails(r.s.Demo.User.Username)
	}
	r.left(t, map[string]int{})
	r.counted(t, counted)
	elsewhere.fails("nobody")
	r.left(t, map[string]int{"sign_in.failed": 1})
	known.signedIn("/account/apps")
	r.left(t, map[string]int{"session.started": 1})
}

func (r *tour) repeatsAreOne(t *testing.T) {
	t.Helper()
	const repeats = 150
	token := r.fresh(t)
	for range repeats {
		post(t, r.s, "/oauth/revoke", url.Values{"token": {token.AccessToken}})
	}
	r.left(t, map[string]int{"token.revoked": 1})
	_, redeem := r.issued(t)
	r.next(t)
	for range repeats {
		post(t, r.s, "/oauth/token", redeem)
	}
	r.left(t, map[string]int{"code.reused": 1})
	// Another token, and another code, have records of their own.
	post(t, r.s, "/oauth/revoke", url.Values{"token": {r.fresh(t).AccessToken}})
	r.left(t, map[string]int{"token.revoked": 1})
	r.replayedCode(t)
}

// fails tries to sign in with a wrong password.
func (p *person) fails(username string) {
	p.t.Helper()
	at := p.open("/account/apps")
	for at.status == http.StatusSeeOther {
		at = p.open(at.location)
	}
	at = p.submit(at, url.Values{"username": {username}, "password": {"wrong"}, "action": {"sign-in"}})
	if at.status != http.StatusUnauthorized && at.status != http.StatusTooManyRequests {
		p.t.Fatalf("a wrong password is answered %d: %s", at.status, at.text)
	}
}

// left says how many records of each type there are since the last look.
func (r *tour) left(t *testing.T, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for _, e := range r.next(t) {
		got[e.GetType()]++
	}
	if !maps.Equal(want, got) {
		t.Errorf("records are %v, want %v", got, want)
	}
}

// counted says how many failures the process says it has not recorded one by one.
func (r *tour) counted(t *testing.T, want int) {
	t.Helper()
	_, metrics := ask(t, http.MethodGet, "http://"+r.s.Internal+"/metrics", nil)
	if line := fmt.Sprintf("\nchancery_events_counted_total %d\n", want); !strings.Contains(string(metrics), line) {
		t.Errorf("the metrics do not say %s", strings.TrimSpace(line))
	}
}
