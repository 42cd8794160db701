package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// appKeeper is the part of a registry that the directory calls.
type appKeeper struct {
	registryv1.UnimplementedRegistryServiceServer

	mu    sync.Mutex
	apps  map[string]int64 // by workspace
	ended []string
	fails error
}

// DeleteWorkspaceClients implements RegistryService.
func (k *appKeeper) DeleteWorkspaceClients(_ context.Context, req *registryv1.DeleteWorkspaceClientsRequest) (*registryv1.DeleteWorkspaceClientsResponse, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fails != nil {
		return nil, k.fails
	}
	k.ended = append(k.ended, req.GetWorkspaceId())
	delete(k.apps, req.GetWorkspaceId())
	return &registryv1.DeleteWorkspaceClientsResponse{}, nil
}

// CountWorkspaceClients implements RegistryService.
func (k *appKeeper) CountWorkspaceClients(_ context.Context, req *registryv1.CountWorkspaceClientsRequest) (*registryv1.CountWorkspaceClientsResponse, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fails != nil {
		return nil, k.fails
	}
	return &registryv1.CountWorkspaceClientsResponse{Clients: k.apps[req.GetWorkspaceId()]}, nil
}

// give says how many apps a workspace owns.
func (k *appKeeper) give(workspaceID string, apps int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.apps[workspaceID] = apps
}

func (k *appKeeper) failWith(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fails = err
}

// onBoth runs f on each database.
func onBoth(t *testing.T, f func(t *testing.T, h harness)) {
	t.Run("SQLite", func(t *testing.T) { f(t, onSQLite(t)) })
	t.Run("Postgres", func(t *testing.T) {
		f(t, newHarness(t, NewStores(databasetest.Postgres(t, coherence.Set(), events.Set(), Migrations()))))
	})
}

// away are the ways in which a registry does not do as it is told.
func away() map[string]error {
	return map[string]error{
		"away":                fault.New(fault.Unavailable, "the registry is away"),
		"of a release before": errors.New("unknown method"),
		"of another mind":     fault.New(fault.Denied, "not you"),
	}
}

func (h harness) there(t *testing.T, w *directoryv1.Workspace) bool {
	t.Helper()
	got, err := h.gateway.BatchGetWorkspaces(t.Context(), &directoryv1.BatchGetWorkspacesRequest{WorkspaceIds: []string{w.GetWorkspaceId()}})
	if err != nil {
		t.Fatal(err)
	}
	return len(got.GetWorkspaces()) == 1
}

func TestN305_TheAppsOfAWorkspaceEndBeforeIt(t *testing.T) {
	onBoth(t, func(t *testing.T, h harness) {
		ada, w, other := h.subject(t, "ada"), h.workspace(t, "one"), h.workspace(t, "two")
		h.member(t, ada, w, "admin")
		req := &directoryv1.DeleteWorkspaceRequest{WorkspaceId: w.GetWorkspaceId()}
		for name, err := range away() {
			h.apps.failWith(err)
			if _, err := h.admin.DeleteWorkspace(t.Context(), req); !errors.Is(err, fault.Unavailable) {
				t.Errorf("%s: DeleteWorkspace() = %v, want %v", name, err, fault.Unavailable)
			}
			members, err := h.admin.ListMembers(t.Context(), &directoryv1.ListMembersRequest{WorkspaceId: w.GetWorkspaceId()})
			if err != nil || len(members.GetMemberships()) != 1 || !h.there(t, w) {
				t.Errorf("%s: members are %v, %v, want the workspace as it was", name, members, err)
			}
		}
		h.apps.failWith(nil)
		if _, err := h.admin.DeleteWorkspace(t.Context(), req); err != nil {
			t.Fatalf("DeleteWorkspace() = %v", err)
		}
		if h.there(t, w) || !h.there(t, other) {
			t.Errorf("the workspace is there: %v, the other one: %v", h.there(t, w), h.there(t, other))
		}
		if _, err := h.admin.DeleteWorkspace(t.Context(), req); !errors.Is(err, fault.NotFound) {
			t.Errorf("DeleteWorkspace() once more = %v, want %v", err, fault.NotFound)
		}
		// A workspace that is not there has no apps to end.
		if want := []string{w.GetWorkspaceId()}; !slices.Equal(h.apps.ended, want) {
			t.Errorf("ended the apps of %v, want %v", h.apps.ended, want)
		}
	})
}

func TestN305_WhoMakesTheLastAdminLeaveIsWarned(t *testing.T) {
	onBoth(t, func(t *testing.T, h harness) {
		remove := func(w *directoryv1.Workspace, u *directoryv1.Subject) *int64 {
			t.Helper()
			resp, err := h.admin.RemoveMember(t.Context(), &directoryv1.RemoveMemberRequest{WorkspaceId: w.GetWorkspaceId(), Sub: u.GetSub()})
			if err != nil {
				t.Fatalf("RemoveMember() = %v", err)
			}
			return resp.AppsWithoutAdmin
		}
		set := func(w *directoryv1.Workspace, u *directoryv1.Subject, role string) *int64 {
			t.Helper()
			resp, err := h.admin.SetMemberRole(t.Context(), &directoryv1.SetMemberRoleRequest{WorkspaceId: w.GetWorkspaceId(), Sub: u.GetSub(), Role: role})
			if err != nil {
				t.Fatalf("SetMemberRole() = %v", err)
			}
			return resp.AppsWithoutAdmin
		}
		ada, bob := h.subject(t, "ada"), h.subject(t, "bob")
		w, none := h.workspace(t, "with apps"), h.workspace(t, "without")
		h.apps.give(w.GetWorkspaceId(), 3)
		h.member(t, ada, w, "admin")
		h.member(t, bob, w, "admin")
		h.member(t, ada, none, "admin")

		wantEqual(t, "one admin is left", (*int64)(nil), set(w, ada, "member"))
		wantEqual(t, "the last one is demoted", proto.Int64(3), set(w, bob, "viewer"))
		wantEqual(t, "an admin again", (*int64)(nil), set(w, bob, "admin"))
		wantEqual(t, "a member leaves", (*int64)(nil), remove(w, ada))
		wantEqual(t, "the last one leaves", proto.Int64(3), remove(w, bob))
		wantEqual(t, "the last one leaves no app", proto.Int64(0), remove(none, ada))

		h.member(t, ada, w, "admin")
		h.member(t, bob, w, "admin")
		if _, err := h.admin.DisableSubject(t.Context(), &directoryv1.DisableSubjectRequest{Sub: bob.GetSub()}); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "the last one who can sign in leaves", proto.Int64(3), remove(w, ada))
		for name, err := range away() {
			h.member(t, ada, w, "admin")
			h.apps.failWith(err)
			h.log.Reset()
			wantEqual(t, "a registry that is "+name, proto.Int64(-1), remove(w, ada))
			if n := strings.Count(h.log.String(), "level=WARN"); n != 1 {
				t.Errorf("a registry that is %s: %d warnings, want 1: %s", name, n, h.log)
			}
		}
		if len(h.apps.ended) > 0 {
			t.Errorf("the apps of %v ended", h.apps.ended)
		}
	})
}

func TestN305_WhoDisablesTheLastAdminIsWarned(t *testing.T) {
	onBoth(t, func(t *testing.T, h harness) {
		disable := func(u *directoryv1.Subject) *int64 {
			t.Helper()
			resp, err := h.admin.DisableSubject(t.Context(), &directoryv1.DisableSubjectRequest{Sub: u.GetSub()})
			if err != nil || !resp.GetSubject().GetDisabled() {
				t.Fatalf("DisableSubject() = %v, %v", resp, err)
			}
			return resp.AppsWithoutAdmin
		}
		ada, bob, eve := h.subject(t, "ada"), h.subject(t, "bob"), h.subject(t, "eve")
		one, two, none := h.workspace(t, "one"), h.workspace(t, "two"), h.workspace(t, "without")
		h.apps.give(one.GetWorkspaceId(), 3)
		h.apps.give(two.GetWorkspaceId(), 2)
		h.member(t, ada, one, "admin")
		h.member(t, bob, one, "admin")
		h.member(t, bob, two, "admin")
		h.member(t, eve, two, "member")
		h.member(t, eve, none, "admin")

		wantEqual(t, "one admin is left", (*int64)(nil), disable(ada))
		wantEqual(t, "the last one of two workspaces", proto.Int64(5), disable(bob))
		wantEqual(t, "a member, and the last admin of no app", proto.Int64(0), disable(eve))
		h.apps.failWith(fault.New(fault.Unavailable, "the registry is away"))
		wantEqual(t, "a registry that is away", proto.Int64(-1), disable(bob))
	})
}

// Between the end of the apps and that of the workspace the directory may fail. The
// workspace lives on without apps until the deletion is repeated.
func TestN305_ADeletionThatWasCutShortIsCompleted(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		db := open(t, coherence.Set(), events.Set(), Migrations())
		h := newHarness(t, NewStores(db))
		w := h.workspace(t, "one")
		req := &directoryv1.DeleteWorkspaceRequest{WorkspaceId: w.GetWorkspaceId()}
		eventtest.On(db).Break(t)
		if _, err := h.admin.DeleteWorkspace(t.Context(), req); err == nil || !h.there(t, w) {
			t.Fatalf("DeleteWorkspace() = %v, and the workspace is there: %v", err, h.there(t, w))
		}
		if _, err := db.Exec(t.Context(), db.Either(`DROP TRIGGER broken ON event.audit_log`, `DROP TRIGGER broken`)); err != nil {
			t.Fatal(err)
		}
		if _, err := h.admin.DeleteWorkspace(t.Context(), req); err != nil || h.there(t, w) {
			t.Errorf("DeleteWorkspace() again = %v, and the workspace is there: %v", err, h.there(t, w))
		}
		if want := []string{w.GetWorkspaceId(), w.GetWorkspaceId()}; !slices.Equal(h.apps.ended, want) {
			t.Errorf("ended the apps of %v, want %v", h.apps.ended, want)
		}
	})
}
