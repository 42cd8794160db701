package registry_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

func TestAppsAreListedByWorkspaceAndName(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		o.directory.workspace("an empty one", map[string]string{"u1": "admin"})
		o.directory.workspace("where u1 is no admin", map[string]string{"u1": "member"})
		for _, name := range []string{"beta", "Alpha", "gamma"} {
			app := anApp()
			app.ClientName = name
			o.create(t, "u1", o.w1, app)
		}
		o.create(t, "u2", o.w2, anApp())
		list, err := o.developer.ListApps(t.Context(), &registryv1.ListAppsRequest{Sub: "u1"})
		if err != nil {
			t.Fatalf("ListApps() = %v", err)
		}
		var got []string
		for _, w := range list.GetWorkspaces() {
			got = append(got, w.GetName()+":")
			for _, app := range w.GetApps() {
				got = append(got, app.GetClientName())
			}
		}
		if diff := cmp.Diff([]string{"an empty one:", "One:", "Alpha", "beta", "gamma"}, got); diff != "" {
			t.Errorf("ListApps() (-want +got):\n%s", diff)
		}
	})
}

func TestAppsOfAWorkspaceAreLimitedToAHundred(t *testing.T) {
	o := newOffice(t, sqliteStores(t))
	var last *registryv1.Client
	for range 100 {
		last = o.create(t, "u1", o.w1, anApp()).GetApp()
	}
	again := &registryv1.CreateAppRequest{Sub: "u1", WorkspaceId: o.w1, App: anApp()}
	if _, err := o.developer.CreateApp(t.Context(), again); !errors.Is(err, fault.Exhausted) {
		t.Errorf("CreateApp() of the 101st = %v, want %v", err, fault.Exhausted)
	}
	o.create(t, "u2", o.w2, anApp())
	if _, err := o.developer.DeleteApp(t.Context(), &registryv1.DeleteAppRequest{Sub: "u1", ClientId: last.GetClientId()}); err != nil {
		t.Fatalf("DeleteApp() = %v", err)
	}
	o.create(t, "u1", o.w1, anApp())
}

func TestN219_DeletedAppIsGone(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		created := o.create(t, "u1", o.w1, anApp())
		id := created.GetApp().GetClientId()
		if _, err := o.developer.DeleteApp(t.Context(), &registryv1.DeleteAppRequest{Sub: "u1", ClientId: id}); err != nil {
			t.Fatalf("DeleteApp() = %v", err)
		}
		if _, err := o.developer.GetApp(t.Context(), &registryv1.GetAppRequest{Sub: "u1", ClientId: id}); !errors.Is(err, fault.NotFound) {
			t.Errorf("GetApp() = %v, want %v", err, fault.NotFound)
		}
		_, err := o.token.AuthenticateClient(t.Context(), &registryv1.AuthenticateClientRequest{
			ClientId: id, Method: "client_secret_post", ClientSecret: created.GetClientSecret(),
		})
		if !errors.Is(err, oauth.InvalidClient) {
			t.Errorf("AuthenticateClient() = %v, want %v", err, oauth.InvalidClient)
		}
		if again := o.create(t, "u1", o.w1, anApp()).GetApp().GetClientId(); again == id {
			t.Error("the id of a deleted app came back")
		}
	})
}

func TestN220_AppSecretIsShownOnce(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		created := o.create(t, "u1", o.w1, anApp())
		id := created.GetApp().GetClientId()
		second, err := o.developer.CreateAppSecret(t.Context(), &registryv1.CreateAppSecretRequest{Sub: "u1", ClientId: id})
		if err != nil {
			t.Fatalf("CreateAppSecret() = %v", err)
		}
		got := o.get(t, "u1", id)
		apps, err := o.developer.ListApps(t.Context(), &registryv1.ListAppsRequest{Sub: "u1"})
		if err != nil {
			t.Fatalf("ListApps() = %v", err)
		}
		public, err := o.gateway.ListPublicClients(t.Context(), &registryv1.ListPublicClientsRequest{})
		if err != nil {
			t.Fatalf("ListPublicClients() = %v", err)
		}
		audit, err := o.admin.ListAuditRecords(t.Context(), &registryv1.ListAuditRecordsRequest{})
		if err != nil {
			t.Fatalf("ListAuditRecords() = %v", err)
		}
		shown := got.String() + apps.String() + public.String() + audit.String() + o.log.String()
		for _, text := range []string{created.GetClientSecret(), second.GetClientSecret()} {
			if len(text) < 40 || strings.Contains(shown, text[5:25]) {
				t.Error("a secret is shown again, or is none")
			}
		}
		if len(got.GetSecrets()) != 2 {
			t.Errorf("GetApp() has %d secrets, want 2", len(got.GetSecrets()))
		}
	})
}

func TestN221_SecondDeveloperIsTold(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		read := o.create(t, "u1", o.w1, anApp()).GetApp()
		first, second := proto.CloneOf(read), proto.CloneOf(read)
		first.ClientName, second.ClientName = "First", "Second"
		if _, err := o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u1", App: first}); err != nil {
			t.Fatalf("UpdateApp(first) = %v", err)
		}
		_, err := o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u4", App: second})
		if !errors.Is(err, fault.Conflict) {
			t.Errorf("UpdateApp(second) = %v, want %v", err, fault.Conflict)
		}
		if got := o.get(t, "u1", read.GetClientId()).GetApp().GetClientName(); got != "First" {
			t.Errorf("GetApp() = %q, want First", got)
		}
	})
}

func TestEventsNameTheDeveloper(t *testing.T) {
	o := newOffice(t, sqliteStores(t))
	app := o.create(t, "u1", o.w1, anApp()).GetApp()
	secretID := o.get(t, "u1", app.GetClientId()).GetSecrets()[0].GetSecretId()
	acts := o.acts(t, "u4", app, secretID)
	for _, name := range []string{"update", "create secret", "revoke secret", "set logo", "delete"} {
		if err := acts[name](t.Context()); err != nil {
			t.Fatalf("%s = %v", name, err)
		}
	}
	for sub, want := range map[string][]string{
		"u1": {"client_secret.created", "client.created"},
		"u4": {"client.deleted", "client.updated", "client_secret.revoked", "client_secret.created", "client.updated"},
	} {
		list, err := o.admin.ListAuditRecords(t.Context(), &registryv1.ListAuditRecordsRequest{Sub: sub, ClientId: app.GetClientId()})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, types(list)); diff != "" {
			t.Errorf("events of %s (-want +got):\n%s", sub, diff)
		}
	}
}

// Whose users are asked from now on has no token that nobody was asked about.
func TestN315_AnAppThatBecomesAnotherIsAskedAbout(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		for name, tt := range map[string]struct {
			change  func(*registryv1.Client) (*registryv1.Client, error)
			asks    bool
			version int64
		}{
			"description": {func(c *registryv1.Client) (*registryv1.Client, error) {
				c.Description = "Better"
				resp, err := o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u1", App: c})
				return resp.GetApp(), err
			}, false, 1},
			"name": {func(c *registryv1.Client) (*registryv1.Client, error) {
				c.ClientName = "Other"
				resp, err := o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u1", App: c})
				return resp.GetApp(), err
			}, true, 2},
			"logo": {func(c *registryv1.Client) (*registryv1.Client, error) {
				resp, err := o.developer.SetAppLogo(t.Context(), &registryv1.SetAppLogoRequest{Sub: "u1", ClientId: c.GetClientId(), Image: aLogo(t, 16)})
				return resp.GetApp(), err
			}, true, 2},
		} {
			c := o.create(t, "u1", o.w1, anApp()).GetApp()
			c.SkipConsent, c.Vetted, c.Unverified = true, proto.Bool(true), false
			resp, err := o.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: c})
			if err != nil {
				t.Fatal(err)
			}
			got, err := tt.change(resp.GetClient())
			if err != nil || got.GetVetted() == tt.asks || got.GetSkipConsent() == tt.asks || got.GetVersion() != tt.version {
				t.Errorf("%s: vetted %v, skip_consent %v, version %d, %v", name, got.GetVetted(), got.GetSkipConsent(), got.GetVersion(), err)
			}
		}
	})
}
