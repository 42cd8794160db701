package e2e

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
)

// link is where the app sends a browser to begin, with the challenge of RFC 7636
// Appendix B.
func (s *server) link(state string) string {
	return s.origin() + "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {s.Demo.Client.ClientID}, "redirect_uri": {s.Demo.Client.RedirectURI},
		"scope": {"openid"}, "state": {state},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}.Encode()
}

// flood begins n authorizations from this machine, without cookies.
func flood(t *testing.T, s *server, n int) {
	t.Helper()
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 8},
	}
	defer client.CloseIdleConnections()
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range work {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.link("flood"), nil)
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusSeeOther {
					t.Errorf("authorize answers %d", resp.StatusCode)
				}
			}
		})
	}
	wg.Wait()
}

// A flood of requests from one address leaves a bounded number of rows, and takes
// nothing from a person at the same address who is in the middle of signing in.
func TestN314_AFloodOfRequestsPushesOutNobodyWhoSignsIn(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, append(flags, unlimited)...)
		pending := rows(t, s, flags, "authorize.transaction")
		p := newPerson(t, s)
		// Two tabs: in one the person is typing, in the other was a mistake.
		typing := p.open(p.open(s.link("typing")).location)
		mistaken := p.open(p.open(s.link("mistaken")).location)
		wrong := p.submit(mistaken, url.Values{"username": {s.Demo.User.Username}, "password": {"wrong"}, "action": {"sign-in"}})
		flood(t, s, 2500)
		// Requests that ran together may each have left one more.
		if n := pending(); n < 900 || n > 1000+2+8 {
			t.Errorf("%d rows are there, want about a thousand", n)
		}
		consent := p.signIn(wrong)
		flood(t, s, 1200)
		if answer := p.answer(p.allow(consent).location); answer.Get("code") == "" || answer.Get("state") != "mistaken" {
			t.Errorf("the person who made a mistake gets %v", answer)
		}
		next := p.signIn(typing)
		if next.status == http.StatusSeeOther {
			next = p.open(next.location)
		}
		if next.status != http.StatusOK {
			t.Errorf("the person who was typing gets %d: %s", next.status, next.text)
		}
	})
}
