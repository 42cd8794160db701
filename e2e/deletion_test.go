package e2e

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// An app is deleted while its users refresh: what begins after the deletion was
// acknowledged fails, and what was minted beside it dies within the bound.
func TestN219_AppDeletedWhileItsUsersRefresh(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, append(slices.Clone(flags), unlimited)...)
		p := &standIn{s: s, discovery: discovered(t, s)}
		r := p.party(t, "openid offline_access")
		const users = 6
		var (
			running         sync.WaitGroup
			deleting, ended atomic.Bool // the deletion was sent, and answered
			mu              sync.Mutex
			minted          []string
		)
		refreshed := make(chan struct{}, users)
		for range users {
			token := r.authorize(t, forceConsent())
			running.Go(func() {
				for first := true; ; first = false {
					late := ended.Load()
					next, err := r.refresh(t, token.RefreshToken)
					early := err != nil && !deleting.Load()
					if first {
						refreshed <- struct{}{}
					}
					switch {
					case early:
						t.Errorf("refresh before the deletion: %v", err)
						return
					case err != nil:
						return
					case late:
						t.Error("a refresh that began after the deletion succeeds")
						return
					}
					token = next
					mu.Lock()
					minted = append(minted, next.AccessToken)
					mu.Unlock()
				}
			})
		}
		for range users {
			<-refreshed
		}
		deleting.Store(true)
		p.s.chancery(t, "client", "delete", r.ClientID)
		ended.Store(true)
		deleted := time.Now()
		running.Wait()
		if len(minted) < users {
			t.Errorf("%d tokens were minted before the deletion, by %d users", len(minted), users)
		}
		for _, token := range minted {
			for p.opens(t, token) {
				if time.Since(deleted) > bound {
					t.Fatal("a token outlives its app by more than the bound")
				}
			}
		}
	})
}

// opens reports whether the userinfo endpoint takes a token.
func (p *standIn) opens(t testing.TB, token string) bool {
	t.Helper()
	status, _ := p.get(t, p.endpoint(t, "userinfo_endpoint"), token)
	return status == http.StatusOK
}
