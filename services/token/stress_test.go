package token_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// chain is what one user of an app does: it refreshes until it is refused.
type chain struct {
	token   string
	busy    chan struct{} // closed once the chain runs
	minted  []string      // access tokens
	tooLate int           // answers to requests that began after the end
}

func (c *chain) run(t *testing.T, f *fixture, ended *atomic.Bool) {
	t.Helper()
	for {
		late := ended.Load()
		resp, err := f.exchange(t, c1, byRefresh(c.token))
		if err != nil {
			if !errors.Is(err, oauth.InvalidClient) {
				t.Errorf("refresh = %v, want invalid_client", err)
			}
			return
		}
		if late {
			c.tooLate++
		}
		c.token = resp.GetRefreshToken()
		if c.minted = append(c.minted, resp.GetAccessToken()); len(c.minted) == 3 {
			close(c.busy)
		}
	}
}

// Once the deletion is acknowledged no refresh succeeds. What was minted beside it
// carries the client's version from before, and is dead.
func TestN143_AppDeletedWhileItsUsersRefresh(t *testing.T) { onEach(t, deletedWhileRefreshing) }

// onEach runs a test on each database.
func onEach(t *testing.T, run func(*testing.T, *fixture), change ...func(*setting)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { run(t, newFixture(t, change...)) })
	t.Run("postgres", func(t *testing.T) {
		_, there := onPostgres(t)
		run(t, newFixture(t, append(change, there)...))
	})
}

func deletedWhileRefreshing(t *testing.T, f *fixture) {
	t.Helper()
	const users = 8
	chains := make([]*chain, users)
	for i := range chains {
		chains[i] = &chain{token: f.signedIn(t).GetRefreshToken(), busy: make(chan struct{})}
	}
	var deleted atomic.Bool
	storetest.AtOnce(users+1, func(i int) {
		if i < users {
			chains[i].run(t, f, &deleted)
			return
		}
		for _, c := range chains {
			<-c.busy
		}
		f.registry.change(c1, nil)
		deleted.Store(true)
	})
	for _, c := range chains {
		if c.tooLate > 0 {
			t.Errorf("%d refreshes succeed after the deletion", c.tooLate)
		}
		for _, text := range c.minted {
			if v := f.open(t, text).ClientVersion; v <= 0 || v >= coherent.Deleted {
				t.Errorf("a token minted beside the deletion has version %d of the client, and is not dead by it", v)
			}
		}
	}
}
