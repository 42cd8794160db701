package granttest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

func useIsNoted(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a"}, both(workspaces(1), projects(2))...))
	first := use(t, db, g.ID, time.Hour)
	if first.LastUseTime.Before(g.CreateTime) {
		t.Errorf("used at %v, created at %v", first.LastUseTime, g.CreateTime)
	}
	again := use(t, db, g.ID, time.Hour)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("Use() within the accuracy (-want +got):\n%s", diff)
	}
	later := use(t, db, g.ID, 0)
	if later.LastUseTime.Before(first.LastUseTime) {
		t.Errorf("used at %v, then at %v", first.LastUseTime, later.LastUseTime)
	}
	if diff := cmp.Diff(later, find(t, db, g.ID)); diff != "" {
		t.Errorf("Find() (-want +got):\n%s", diff)
	}
	g.LastUseTime = later.LastUseTime
	if diff := cmp.Diff(g, later); diff != "" {
		t.Errorf("Use() changes more than the time (-want +got):\n%s", diff)
	}
	if _, err := db.Revoke(t.Context(), g.ID, "", grant.ReasonWithdrawn); err != nil {
		t.Fatal(err)
	}
	for _, id := range []uuid.UUID{g.ID, uuid.New()} {
		_, err := db.Use(t.Context(), id, 0)
		isNotFound(t, "Use()", err)
	}
}

func useAtOnceIsNoted(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a"}, workspaces(1)...))
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { _, errs[i] = db.Use(t.Context(), g.ID, time.Hour) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if find(t, db, g.ID).LastUseTime.IsZero() {
		t.Error("no use is noted")
	}
	checkLog(t, db)
}

func use(t *testing.T, db Database, id uuid.UUID, accuracy time.Duration) grant.Grant {
	t.Helper()
	g, err := db.Use(t.Context(), id, accuracy)
	if err != nil || g.LastUseTime.IsZero() {
		t.Fatalf("Use() = %+v, %v", g, err)
	}
	return g.Grant
}
