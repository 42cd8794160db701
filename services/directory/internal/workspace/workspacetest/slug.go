package workspacetest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

func oneSlug(t *testing.T, s directorytest.Stores) {
	w := s.Workspace(t, "one")
	another := workspace.Workspace{ID: uuid.New(), Name: "two", Slug: w.Slug}
	if _, err := s.Workspaces.Create(t.Context(), another); !errors.Is(err, workspace.ErrSlugTaken) {
		t.Errorf("Create() with a slug that is taken = %v, want ErrSlugTaken", err)
	}
	if _, err := s.Workspaces.Find(t.Context(), another.ID); !errors.Is(err, workspace.ErrNotFound) {
		t.Errorf("Find() of what was not created = %v", err)
	}
	another.Slug += "-2"
	created, err := s.Workspaces.Create(t.Context(), another)
	if err != nil || created.Slug != another.Slug {
		t.Errorf("Create() = %+v, %v, want slug %s", created, err, another.Slug)
	}
}

func oneGetsTheSlug(t *testing.T, s directorytest.Stores) {
	const callers = 16
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = s.Workspaces.Create(t.Context(), workspace.Workspace{ID: uuid.New(), Name: "one", Slug: "acme"})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, workspace.ErrSlugTaken):
			t.Errorf("Create() = %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d got the slug, want 1", won)
	}
}

func slugIsFreed(t *testing.T, s directorytest.Stores) {
	w := s.Workspace(t, "one")
	if _, err := s.Workspaces.Delete(t.Context(), w.ID); err != nil {
		t.Fatalf("Delete() = %v", err)
	}
	if _, err := s.Workspaces.Create(t.Context(), workspace.Workspace{ID: uuid.New(), Name: "two", Slug: w.Slug}); err != nil {
		t.Errorf("Create() with a slug that is free = %v", err)
	}
}

func selects(t *testing.T, s directorytest.Stores) {
	a, b := s.Workspace(t, "a"), s.Workspace(t, "b")
	s.Workspace(t, "c")
	for _, tt := range []struct {
		ids  []uuid.UUID
		want []workspace.Workspace
	}{
		{nil, nil},
		{[]uuid.UUID{uuid.New()}, nil},
		{[]uuid.UUID{a.ID}, []workspace.Workspace{a}},
		{[]uuid.UUID{b.ID, uuid.New(), a.ID, b.ID}, []workspace.Workspace{a, b}},
	} {
		got, err := s.Workspaces.Select(t.Context(), tt.ids)
		slices.SortFunc(got, func(a, b workspace.Workspace) int { return strings.Compare(a.Name, b.Name) })
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("Select(%v) = %v (-want +got):\n%s", tt.ids, err, diff)
		}
	}
}
