package registry_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry"
)

// office is a registry whose developers are: u1 and u4, admins of w1; u2, an
// admin of w2; u3, a viewer of w1 and a member of w2.
type office struct {
	fixture
	w1, w2 string
}

func newOffice(t *testing.T, stores registry.Stores) office {
	t.Helper()
	f := newFixture(t, stores)
	return office{
		fixture: f,
		w1:      f.directory.workspace("One", map[string]string{"u1": "admin", "u4": "admin", "u3": "viewer"}),
		w2:      f.directory.workspace("Two", map[string]string{"u2": "admin", "u3": "member"}),
	}
}

// inOffice runs f in an office on each database.
func inOffice(t *testing.T, f func(t *testing.T, o office)) {
	t.Run("SQLite", func(t *testing.T) {
		f(t, newOffice(t, registry.NewStores(databasetest.SQLite(t, coherence.Set(), events.Set(), registry.Migrations()))))
	})
	t.Run("Postgres", func(t *testing.T) {
		f(t, newOffice(t, registry.NewStores(databasetest.Postgres(t, coherence.Set(), events.Set(), registry.Migrations()))))
	})
}

// anApp has a value in each field that a developer chooses.
func anApp() *registryv1.Client {
	return &registryv1.Client{
		ClientName:              "Example",
		Description:             "What it does",
		ApplicationType:         "web",
		TokenEndpointAuthMethod: "client_secret_post",
		RedirectUris:            []string{"https://app.example/cb"},
		Scope:                   "openid email",
		ClientUri:               "https://app.example/",
		PolicyUri:               "https://app.example/policy",
		TosUri:                  "https://app.example/tos",
		Visibility:              "public",
	}
}

func (o office) create(t *testing.T, sub, workspace string, app *registryv1.Client) *registryv1.CreateAppResponse {
	t.Helper()
	created, err := o.developer.CreateApp(t.Context(), &registryv1.CreateAppRequest{Sub: sub, WorkspaceId: workspace, App: app})
	if err != nil {
		t.Fatalf("CreateApp() = %v", err)
	}
	return created
}

func (o office) get(t *testing.T, sub, clientID string) *registryv1.GetAppResponse {
	t.Helper()
	got, err := o.developer.GetApp(t.Context(), &registryv1.GetAppRequest{Sub: sub, ClientId: clientID})
	if err != nil {
		t.Fatalf("GetApp() = %v", err)
	}
	return got
}

// aLogo is a small PNG.
func aLogo(t *testing.T, width int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, width, 8))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// acts are everything a subject can do to an app.
func (o office) acts(t *testing.T, sub string, app *registryv1.Client, secretID string) map[string]func(context.Context) error {
	id, d, image := app.GetClientId(), o.developer, aLogo(t, 8)
	return map[string]func(context.Context) error{
		"get": func(ctx context.Context) error {
			_, err := d.GetApp(ctx, &registryv1.GetAppRequest{Sub: sub, ClientId: id})
			return err
		},
		"create": func(ctx context.Context) error {
			_, err := d.CreateApp(ctx, &registryv1.CreateAppRequest{Sub: sub, WorkspaceId: app.GetWorkspaceId(), App: anApp()})
			return err
		},
		"update": func(ctx context.Context) error {
			_, err := d.UpdateApp(ctx, &registryv1.UpdateAppRequest{Sub: sub, App: app})
			return err
		},
		"create secret": func(ctx context.Context) error {
			_, err := d.CreateAppSecret(ctx, &registryv1.CreateAppSecretRequest{Sub: sub, ClientId: id})
			return err
		},
		"revoke secret": func(ctx context.Context) error {
			_, err := d.RevokeAppSecret(ctx, &registryv1.RevokeAppSecretRequest{Sub: sub, ClientId: id, SecretId: secretID})
			return err
		},
		"set logo": func(ctx context.Context) error {
			_, err := d.SetAppLogo(ctx, &registryv1.SetAppLogoRequest{Sub: sub, ClientId: id, Image: image})
			return err
		},
		"delete": func(ctx context.Context) error {
			_, err := d.DeleteApp(ctx, &registryv1.DeleteAppRequest{Sub: sub, ClientId: id})
			return err
		},
	}
}

// allRefused wants every act of the subject refused, and the app as it was.
func (o office) allRefused(t *testing.T, sub string, app *registryv1.Client, secretID string, want error) {
	t.Helper()
	before, err := o.gateway.GetClient(t.Context(), &registryv1.GetClientRequest{ClientId: app.GetClientId()})
	if err != nil {
		t.Fatal(err)
	}
	for name, act := range o.acts(t, sub, app, secretID) {
		if err := act(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s by %s = %v, want %v", name, sub, err, want)
		}
	}
	after, err := o.gateway.GetClient(t.Context(), &registryv1.GetClientRequest{ClientId: app.GetClientId()})
	if err != nil {
		t.Fatal(err)
	}
	differ(t, after.GetClient(), before.GetClient())
}

func TestAppIsWhatItsDeveloperChose(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		created := o.create(t, "u1", o.w1, anApp())
		want := anApp()
		want.WorkspaceId, want.GrantTypes = o.w1, []string{"authorization_code", "refresh_token"}
		want.RequirePkce, want.IdTokenSignedResponseAlg = proto.Bool(true), "RS256"
		want.AccessTokenLifetime, want.RefreshTokenLifetime = &durationpb.Duration{}, &durationpb.Duration{}
		want.Vetted, want.Unverified = proto.Bool(false), true
		differ(t, created.GetApp(), want, "client_id", "version", "scope_version", "revision", "create_time")

		edited := proto.CloneOf(created.GetApp())
		edited.ClientName, edited.Description, edited.TokenEndpointAuthMethod = "Other", "", "none"
		edited.RedirectUris, edited.Scope, edited.Visibility = []string{"https://other.example/cb"}, "openid", "internal"
		edited.ClientUri, edited.PolicyUri, edited.TosUri = "https://other.example/", "", ""
		updated, err := o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u4", App: edited})
		if err != nil {
			t.Fatalf("UpdateApp() = %v", err)
		}
		differ(t, updated.GetApp(), edited, "version", "scope_version", "revision")
		got := o.get(t, "u1", created.GetApp().GetClientId())
		differ(t, got.GetApp(), updated.GetApp())
		if got.GetWorkspaceName() != "One" || len(got.GetSecrets()) > 0 {
			t.Errorf("GetApp() = %v", got)
		}
	})
}

func TestN214_DevelopersChangeWhatIsTheirs(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		greedy := everyField()
		greedy.ClientId, greedy.Version, greedy.ScopeVersion, greedy.Revision = "chosen", 70, 70, 70
		greedy.Scope, greedy.WorkspaceId, greedy.DynamicallyRegistered = "openid email", o.w2, true
		greedy.LogoDigest = strings.Repeat("ab", 32)
		created := o.create(t, "u1", o.w1, greedy).GetApp()
		want := anApp()
		want.RedirectUris, want.Visibility = greedy.GetRedirectUris(), greedy.GetVisibility()
		want.WorkspaceId, want.GrantTypes = o.w1, []string{"authorization_code", "refresh_token"}
		want.RequirePkce, want.IdTokenSignedResponseAlg = proto.Bool(true), "RS256"
		want.AccessTokenLifetime, want.RefreshTokenLifetime = &durationpb.Duration{}, &durationpb.Duration{}
		want.Version, want.ScopeVersion, want.Revision = 1, 1, 1
		want.Vetted, want.Unverified = proto.Bool(false), true
		want.TokenEndpointAuthMethodsSupported = greedy.GetTokenEndpointAuthMethodsSupported()
		differ(t, created, want, "client_id", "create_time")

		// What operators give, the developer cannot take or refuse.
		byOperator := everyField()
		byOperator.ClientId, byOperator.Revision, byOperator.WorkspaceId = created.GetClientId(), 1, o.w1
		given, err := o.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: byOperator})
		if err != nil {
			t.Fatalf("UpdateClient() = %v", err)
		}
		edited := anApp()
		edited.ClientId, edited.Revision, edited.Scope = created.GetClientId(), given.GetClient().GetRevision(), "email"
		edited.LogoUri, edited.ClientKind, edited.ApplicationType = "https://other.example/logo.png", "", "native"
		edited.Vetted, edited.SkipConsent, edited.WorkspaceId = proto.Bool(true), false, o.w2
		updated, err := o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u1", App: edited})
		if err != nil {
			t.Fatalf("UpdateApp() = %v", err)
		}
		kept := given.GetClient()
		kept.Scope, kept.DefaultScope, kept.ScopeVersion, kept.Revision = "email introspect", "", 2, 3
		kept.RedirectUris, kept.Visibility = edited.GetRedirectUris(), "public"
		differ(t, updated.GetApp(), kept)
	})
}

func TestDevelopersTakeNoRightsOfTheClientItself(t *testing.T) {
	o := newOffice(t, sqliteStores(t))
	app := anApp()
	app.Scope = "openid introspect"
	_, err := o.developer.CreateApp(t.Context(), &registryv1.CreateAppRequest{Sub: "u1", WorkspaceId: o.w1, App: app})
	if !errors.Is(err, fault.Invalid) {
		t.Errorf("CreateApp() = %v, want %v", err, fault.Invalid)
	}
	app = o.create(t, "u1", o.w1, anApp()).GetApp()
	app.Scope = "openid introspect"
	_, err = o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u1", App: app})
	if !errors.Is(err, fault.Invalid) {
		t.Errorf("UpdateApp() = %v, want %v", err, fault.Invalid)
	}
}

func TestAppKeepsTheRulesOfClients(t *testing.T) {
	o := newOffice(t, sqliteStores(t))
	for name, change := range map[string]func(*registryv1.Client){
		"the platform's name":   func(c *registryv1.Client) { c.ClientName = "Chancery Login" },
		"no redirect URI":       func(c *registryv1.Client) { c.RedirectUris = nil },
		"dangerous URI":         func(c *registryv1.Client) { c.RedirectUris = []string{"http://localhost.evil.test/"} },
		"unknown visibility":    func(c *registryv1.Client) { c.Visibility = "secret" },
		"unknown scope":         func(c *registryv1.Client) { c.Scope = "root" },
		"line in a description": func(c *registryv1.Client) { c.Description = "one\ntwo" },
	} {
		t.Run(name, func(t *testing.T) {
			app := anApp()
			change(app)
			_, err := o.developer.CreateApp(t.Context(), &registryv1.CreateAppRequest{Sub: "u1", WorkspaceId: o.w1, App: app})
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("CreateApp() = %v, want %v", err, fault.Invalid)
			}
		})
	}
	o.create(t, "u1", o.w1, anApp())
}

func TestN215_OnlyAdminsOfTheWorkspaceActOnItsApps(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		app := o.create(t, "u1", o.w1, anApp()).GetApp()
		secretID := o.get(t, "u1", app.GetClientId()).GetSecrets()[0].GetSecretId()
		o.allRefused(t, "u2", app, secretID, fault.NotFound)
		o.allRefused(t, "stranger", app, secretID, fault.NotFound)
		o.allRefused(t, "u3", app, secretID, fault.Denied)
		o.directory.demote("u3", "member")
		o.allRefused(t, "u3", app, secretID, fault.Denied)

		acts := o.acts(t, "u4", app, secretID)
		for _, name := range []string{"get", "create", "update", "create secret", "revoke secret", "set logo", "delete"} {
			if err := acts[name](t.Context()); err != nil {
				t.Errorf("%s by another admin = %v", name, err)
			}
		}
	})
}

func TestN215_WhatIsNotThereAndWhatIsNotTheirsLookAlike(t *testing.T) {
	o := newOffice(t, sqliteStores(t))
	theirs := o.create(t, "u1", o.w1, anApp()).GetApp()
	operators := create(t, o.fixture, func() *registryv1.Client {
		c := everyField()
		c.WorkspaceId, c.Visibility = "", ""
		return c
	}()).GetClient()
	messages := map[string]bool{}
	for _, id := range []string{theirs.GetClientId(), operators.GetClientId(), uuid.NewString(), "", "nul\x00"} {
		_, err := o.developer.GetApp(t.Context(), &registryv1.GetAppRequest{Sub: "u2", ClientId: id})
		if !errors.Is(err, fault.NotFound) {
			t.Errorf("GetApp(%q) = %v, want %v", id, err, fault.NotFound)
		}
		messages[err.Error()] = true
	}
	if len(messages) != 1 {
		t.Errorf("answers differ: %q", slices.Collect(maps.Keys(messages)))
	}
}

func TestN215_SecretsOfOtherAppsCannotBeRevoked(t *testing.T) {
	o := newOffice(t, sqliteStores(t))
	mine := o.create(t, "u1", o.w1, anApp()).GetApp().GetClientId()
	others := o.create(t, "u2", o.w2, anApp()).GetApp().GetClientId()
	secretID := o.get(t, "u2", others).GetSecrets()[0].GetSecretId()
	_, err := o.developer.RevokeAppSecret(t.Context(), &registryv1.RevokeAppSecretRequest{Sub: "u1", ClientId: mine, SecretId: secretID})
	if !errors.Is(err, fault.NotFound) {
		t.Errorf("RevokeAppSecret() = %v, want %v", err, fault.NotFound)
	}
	if n := len(o.get(t, "u2", others).GetSecrets()); n != 1 {
		t.Errorf("the other app has %d secrets, want 1", n)
	}
}

func TestN216_RemovedMemberIsRefusedAtOnce(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		app := o.create(t, "u1", o.w1, anApp()).GetApp()
		secretID := o.get(t, "u1", app.GetClientId()).GetSecrets()[0].GetSecretId()
		o.directory.leave("u1")
		o.allRefused(t, "u1", app, secretID, fault.NotFound)
		list, err := o.developer.ListApps(t.Context(), &registryv1.ListAppsRequest{Sub: "u1"})
		if err != nil || len(list.GetWorkspaces()) > 0 {
			t.Errorf("ListApps() = %v, %v, want none", list, err)
		}
		o.directory.demote("u4", "member")
		o.allRefused(t, "u4", app, secretID, fault.Denied)
	})
}

func TestDisabledDeveloperIsRefused(t *testing.T) {
	o := newOffice(t, sqliteStores(t))
	app := o.create(t, "u1", o.w1, anApp()).GetApp()
	secretID := o.get(t, "u1", app.GetClientId()).GetSecrets()[0].GetSecretId()
	o.directory.disable("u1")
	o.allRefused(t, "u1", app, secretID, fault.NotFound)
	if _, err := o.developer.ListApps(t.Context(), &registryv1.ListAppsRequest{Sub: "u1"}); !errors.Is(err, fault.NotFound) {
		t.Errorf("ListApps() = %v, want %v", err, fault.NotFound)
	}
	o.get(t, "u4", app.GetClientId())
}

func TestNothingIsDoneWithoutTheDirectory(t *testing.T) {
	o := newOffice(t, sqliteStores(t))
	app := o.create(t, "u1", o.w1, anApp()).GetApp()
	secretID := o.get(t, "u1", app.GetClientId()).GetSecrets()[0].GetSecretId()
	o.directory.goAway()
	o.allRefused(t, "u1", app, secretID, fault.Unavailable)
}

func TestOnlyTheGatewayActsForDevelopers(t *testing.T) {
	o := newOffice(t, sqliteStores(t))
	for _, conn := range []registryv1.DeveloperServiceClient{o.developerOf("admin"), o.developerOf("token")} {
		if _, err := conn.ListApps(t.Context(), &registryv1.ListAppsRequest{Sub: "u1"}); !errors.Is(err, fault.Denied) {
			t.Errorf("ListApps() = %v, want %v", err, fault.Denied)
		}
	}
}
