package introspection_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// The way of a restriction: committed by whoever restricts, polled, and joined
// into answers about tokens and callers that are in memory.
func TestN167_RestrictionsOfTheDatabaseAreFollowed(t *testing.T) {
	db := committedToSQLite(t)
	e := newEnvOn(t, db.source, coherent.Options{Period: 20 * time.Millisecond})
	text := e.mint(t, userToken())
	if !e.introspect(t, "api", text).GetActive() {
		t.Fatal("the token is not active before")
	}

	db.commit(t, coherent.ClientScope("c1", 4, "openid"))
	e.eventually(t, "narrowed", func() bool { return e.introspect(t, "api", text).GetScope() == "openid" })
	db.commit(t, coherent.Grant(grantID, 4))
	e.eventually(t, "inactive", func() bool { return !e.introspect(t, "api", text).GetActive() })

	delete(e.registry.clients, "api")
	db.commit(t, coherent.Client("api", coherent.Deleted))
	e.eventually(t, "refused", func() bool {
		_, err := e.client.Introspect(t.Context(), askAs("api", text))
		return errors.Is(err, oauth.InvalidClient)
	})
}

// eventually waits for what the next poll brings.
func (e *env) eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not %s within the bound", what)
		}
	}
}
