package e2e

import (
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// N321: two processes of one app hold one refresh token, of which each knows what
// it has heard itself.
func TestN321_AppsOfSeveralProcessesStaySignedIn(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, append(flags, "--preset", "roboflow")...)
		p := &standIn{s: s, discovery: discovered(t, s)}
		const loopback = "http://127.0.0.1:7171/callback"
		for kind, r := range map[string]*party{
			"native": p.party(t, "openid", "--type", "native", "--redirect-uri", loopback),
			"mcp":    p.party(t, "openid", "--type", "native", "--redirect-uri", loopback, "--kind", "mcp"),
		} {
			t.Run(kind, func(t *testing.T) { severalProcesses(t, r) })
		}
		t.Run("late", func(t *testing.T) { lateReuse(t, p) })
	})
}

func severalProcesses(t *testing.T, r *party) {
	first := r.authorize(t)
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			// A process that never stores what it is given, and one that always does.
			held := first.RefreshToken
			for range 4 {
				for _, token := range []string{first.RefreshToken, held} {
					next, err := r.refresh(t, token)
					if err != nil {
						t.Error(err)
						return
					}
					held = next.RefreshToken
				}
			}
		})
	}
	wait.Wait()
	chain := []*oauth2.Token{r.renewed(t, first.RefreshToken)}
	for range 2 {
		chain = append(chain, r.renewed(t, chain[len(chain)-1].RefreshToken))
	}
	inUse := chain[2].RefreshToken
	for _, order := range [][]string{
		{first.RefreshToken, chain[0].RefreshToken, chain[1].RefreshToken},
		{chain[1].RefreshToken, chain[0].RefreshToken, first.RefreshToken},
	} {
		for _, stale := range order {
			next := r.renewed(t, stale)
			same(t, "the refresh token", inUse, next.RefreshToken)
			r.userinfo(t, next.AccessToken)
		}
	}
	if page := r.person.open("/account/apps"); !strings.Contains(page.text, "from two places at once") {
		t.Error("the account page does not tell of it")
	}
}

// renewed refreshes, which must succeed.
func (r *party) renewed(t testing.TB, token string) *oauth2.Token {
	t.Helper()
	next, err := r.refresh(t, token)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func lateReuse(t *testing.T, p *standIn) {
	r := p.party(t, "openid", "--type", "native", "--redirect-uri", "http://127.0.0.1:7171/callback", "--refresh-window", "1s")
	elsewhere, first := r.authorize(t), r.authorize(t)
	second := r.renewed(t, first.RefreshToken)
	for deadline := time.Now().Add(time.Minute); ; {
		next, err := r.refresh(t, first.RefreshToken)
		if err != nil {
			if !strings.Contains(err.Error(), "invalid_grant") {
				t.Error(err)
			}
			break
		}
		same(t, "the refresh token", second.RefreshToken, next.RefreshToken)
		if time.Now().After(deadline) {
			t.Fatal("the window does not end")
		}
	}
	if _, err := r.refresh(t, second.RefreshToken); err == nil {
		t.Error("the family outlives late reuse")
	}
	r.userinfo(t, r.renewed(t, elsewhere.RefreshToken).AccessToken)
	if page := r.person.open("/account/apps"); !strings.Contains(page.text, "an old key of this app") {
		t.Error("the account page does not tell of it")
	}
}
