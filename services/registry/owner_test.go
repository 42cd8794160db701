package registry_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// named is an app of that name.
func named(name string) *registryv1.Client {
	app := anApp()
	app.ClientName = name
	return app
}

// end ends the apps of a workspace, as the directory does.
func (o office) end(t *testing.T, workspace string) {
	t.Helper()
	_, err := o.owner.DeleteWorkspaceClients(t.Context(), &registryv1.DeleteWorkspaceClientsRequest{WorkspaceId: workspace})
	if err != nil {
		t.Fatalf("DeleteWorkspaceClients() = %v", err)
	}
}

func (o office) count(t *testing.T, workspace string) int64 {
	t.Helper()
	resp, err := o.owner.CountWorkspaceClients(t.Context(), &registryv1.CountWorkspaceClientsRequest{WorkspaceId: workspace})
	if err != nil {
		t.Fatalf("CountWorkspaceClients() = %v", err)
	}
	return resp.GetClients()
}

// publicNames are those in the directory of apps.
func (o office) publicNames(t *testing.T) string {
	t.Helper()
	list, err := o.gateway.ListPublicClients(t.Context(), &registryv1.ListPublicClientsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range list.GetClients() {
		names = append(names, c.GetClientName())
	}
	return strings.Join(names, ",")
}

func TestN305_AWorkspaceThatEndsTakesItsAppsWithIt(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		byDeveloper, kept := o.create(t, "u1", o.w1, named("One")), o.create(t, "u2", o.w2, named("Two"))
		byOperator := named("Three")
		byOperator.WorkspaceId = o.w1
		apps := map[string]string{
			byDeveloper.GetApp().GetClientId(): byDeveloper.GetClientSecret(),
		}
		made := create(t, o.fixture, byOperator)
		apps[made.GetClient().GetClientId()] = made.GetClientSecret()
		if got := o.publicNames(t); got != "One,Three,Two" || o.count(t, o.w1) != 2 || o.count(t, o.w2) != 1 {
			t.Fatalf("apps are %q, %d of one owner and %d of the other", got, o.count(t, o.w1), o.count(t, o.w2))
		}
		o.end(t, strings.ToUpper(o.w1)) // the same 16 bytes (RFC 9562 §4)
		for id, secret := range apps {
			if _, err := o.gateway.GetClient(t.Context(), &registryv1.GetClientRequest{ClientId: id}); !errors.Is(err, fault.NotFound) {
				t.Errorf("GetClient() = %v, want %v", err, fault.NotFound)
			}
			_, err := o.token.AuthenticateClient(t.Context(), &registryv1.AuthenticateClientRequest{
				ClientId: id, Method: "client_secret_post", ClientSecret: secret,
			})
			if !errors.Is(err, oauth.InvalidClient) {
				t.Errorf("AuthenticateClient() = %v, want %v", err, oauth.InvalidClient)
			}
		}
		if got := o.publicNames(t); got != "Two" || o.count(t, o.w1) != 0 || o.count(t, o.w2) != 1 {
			t.Errorf("apps are %q, %d of one owner and %d of the other", got, o.count(t, o.w1), o.count(t, o.w2))
		}
		// The workspace is in the directory still, and the deletion may come again.
		again := &registryv1.CreateAppRequest{Sub: "u1", WorkspaceId: o.w1, App: named("Four")}
		if _, err := o.developer.CreateApp(t.Context(), again); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "being deleted") {
			t.Errorf("CreateApp() = %v, want %v of a workspace that is being deleted", err, fault.Invalid)
		}
		if _, err := o.admin.CreateClient(t.Context(), &registryv1.CreateClientRequest{Client: byOperator}); !errors.Is(err, fault.Invalid) {
			t.Errorf("CreateClient() = %v, want %v", err, fault.Invalid)
		}
		o.end(t, o.w1)
		o.get(t, "u2", kept.GetApp().GetClientId())
		o.create(t, "u2", o.w2, named("Four"))
	})
}

func TestN305_OnlyWhoDeletesWorkspacesEndsTheirApps(t *testing.T) {
	o := newOffice(t, sqliteStores(t))
	o.create(t, "u1", o.w1, anApp())
	req := &registryv1.DeleteWorkspaceClientsRequest{WorkspaceId: o.w1}
	for name, stranger := range map[string]registryv1.RegistryServiceClient{"gateway": o.gateway, "token": o.token} {
		if _, err := stranger.DeleteWorkspaceClients(t.Context(), req); !errors.Is(err, fault.Denied) {
			t.Errorf("DeleteWorkspaceClients() by %s = %v, want %v", name, err, fault.Denied)
		}
	}
	for _, id := range []string{"", "w1"} {
		if _, err := o.admin.DeleteWorkspaceClients(t.Context(), &registryv1.DeleteWorkspaceClientsRequest{WorkspaceId: id}); !errors.Is(err, fault.Invalid) {
			t.Errorf("DeleteWorkspaceClients(%q) = %v, want %v", id, err, fault.Invalid)
		}
	}
	if o.count(t, o.w1) != 1 {
		t.Error("the app is gone")
	}
	if _, err := o.admin.DeleteWorkspaceClients(t.Context(), req); err != nil || o.count(t, o.w1) != 0 {
		t.Errorf("DeleteWorkspaceClients() by an operator = %v", err)
	}
}

// No request chooses an id, and none brings a deleted client back.
func TestN305_NobodyChoosesAClientID(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		deleted := o.create(t, "u1", o.w1, anApp()).GetApp()
		if _, err := o.admin.DeleteClient(t.Context(), &registryv1.DeleteClientRequest{ClientId: deleted.GetClientId()}); err != nil {
			t.Fatal(err)
		}
		if got := o.create(t, "u1", o.w1, deleted).GetApp().GetClientId(); got == deleted.GetClientId() {
			t.Error("CreateApp() brings an id back")
		}
		if got := create(t, o.fixture, deleted).GetClient().GetClientId(); got == deleted.GetClientId() {
			t.Error("CreateClient() brings an id back")
		}
		if _, err := o.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: deleted}); !errors.Is(err, fault.NotFound) {
			t.Errorf("UpdateClient() = %v, want %v", err, fault.NotFound)
		}
	})
}

func TestN306_WhoeverMakesAnAppInternalEndsItsAccessTokens(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		app := o.create(t, "u1", o.w1, anApp()).GetApp()
		byDeveloper := func(c *registryv1.Client) (*registryv1.Client, error) {
			resp, err := o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u1", App: c})
			return resp.GetApp(), err
		}
		byOperator := func(c *registryv1.Client) (*registryv1.Client, error) {
			resp, err := o.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: c})
			return resp.GetClient(), err
		}
		for _, step := range []struct {
			visibility string
			by         func(*registryv1.Client) (*registryv1.Client, error)
			want       int64
		}{
			{"public", byDeveloper, 1},
			{"unlisted", byDeveloper, 1},
			{"internal", byDeveloper, 2},
			{"internal", byDeveloper, 2},
			{"public", byDeveloper, 2},
			{"internal", byOperator, 3},
			{"", byOperator, 3},
			{"unlisted", byOperator, 3},
			{"internal", byOperator, 4},
		} {
			changed := proto.CloneOf(app)
			changed.Visibility = step.visibility
			var err error
			if app, err = step.by(changed); err != nil || app.GetVisibility() == "" {
				t.Fatalf("to %q: %v", step.visibility, err)
			}
			if app.GetVersion() != step.want {
				t.Errorf("to %q: version %d, want %d", step.visibility, app.GetVersion(), step.want)
			}
		}
	})
}

// A user who is asked from now on has not been asked until now.
func TestAskingUsersEndsTheAccessTokensThatNobodyWasAskedAbout(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		app := o.create(t, "u1", o.w1, anApp()).GetApp()
		for i, step := range []struct {
			skips bool
			want  int64
		}{{true, 1}, {true, 1}, {false, 2}, {false, 2}, {true, 2}, {false, 3}} {
			changed := proto.CloneOf(app)
			changed.SkipConsent = step.skips
			resp, err := o.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: changed})
			if err != nil {
				t.Fatal(err)
			}
			if app = resp.GetClient(); app.GetVersion() != step.want {
				t.Errorf("step %d: version %d, want %d", i, app.GetVersion(), step.want)
			}
		}
	})
}
