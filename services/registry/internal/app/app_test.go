package app_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"testing"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/app"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

// everywhere is a directory in which everybody has the role everywhere.
type everywhere role.Role

func (e everywhere) Membership(_ context.Context, _, workspaceID string) (app.Membership, error) {
	if role.Role(e) == role.None {
		return app.Membership{}, app.ErrNoMember
	}
	return app.Membership{WorkspaceID: workspaceID, Role: role.Role(e)}, nil
}

func (e everywhere) Memberships(context.Context, string) ([]app.Membership, error) { return nil, nil }

func newDesk(t *testing.T) *app.Desk {
	t.Helper()
	db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
	clients := client.NewStore(database.SQLite(db), preset.RestrictionKeep)
	return &app.Desk{
		Directory: everywhere(role.Admin),
		Clients:   &client.Registrar{Clients: clients, Policy: client.PolicyOf(preset.Default())},
		Secrets:   &clientsecret.Keeper{Secrets: clientsecret.NewStore(database.SQLite(db), preset.RestrictionKeep)},
		Logos:     logo.NewStore(database.SQLite(db)),
	}
}

func create(t *testing.T, d *app.Desk) client.Client {
	t.Helper()
	c, _, err := d.Create(t.Context(), "u1", client.Client{
		WorkspaceID: uuid.NewString(), ClientName: "Example", RedirectURIs: []string{"https://app.example/cb"},
	})
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	return c
}

// What a developer cannot choose must not be what their change is refused for.
func TestEditFollowsWhatPKCENeeds(t *testing.T) {
	for _, tt := range []struct {
		name      string
		mandatory bool
		method    string
		want      bool
	}{
		{"optional", false, "", false},
		{"mandatory since", true, "", true},
		{"without credentials since", false, oauth.AuthNone, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			d.Clients.Policy.Clients.Web.RequirePKCE = false
			c := create(t, d)
			if c.RequirePKCE {
				t.Fatalf("Create() = %+v", c)
			}
			d.Clients.Policy.Clients.PKCEMandatory = tt.mandatory
			c.TokenEndpointAuthMethod = tt.method
			updated, err := d.Update(t.Context(), "u1", c)
			if err != nil || updated.RequirePKCE != tt.want {
				t.Errorf("Update() = require_pkce %v, %v, want %v", updated.RequirePKCE, err, tt.want)
			}
		})
	}
}

// trusted makes an app that operators vouch for, whose users are not asked.
func trusted(t *testing.T, d *app.Desk) client.Client {
	t.Helper()
	c := create(t, d)
	c.Vetted, c.SkipConsent, c.Scope = true, true, oauth.Scope{"openid"}
	c, err := d.Clients.Update(t.Context(), c)
	if err != nil || !c.Vetted || !c.SkipConsent {
		t.Fatalf("Update() = vetted %v, skip_consent %v, %v", c.Vetted, c.SkipConsent, err)
	}
	return c
}

// Operators vouch for an app as they saw it.
func TestN315_AnAppThatBecomesAnotherIsNotVetted(t *testing.T) {
	for _, tt := range []struct {
		name         string
		preset       bool
		change       func(*client.Client)
		vetted, asks bool
	}{
		{"nothing", false, func(*client.Client) {}, true, false},
		{"description", false, func(c *client.Client) { c.Description = "Better" }, true, false},
		{"name", false, func(c *client.Client) { c.ClientName = "Another" }, false, true},
		{"redirect URI", false, func(c *client.Client) { c.RedirectURIs = []string{"https://evil.example/cb"} }, false, true},
		{"more scope", false, func(c *client.Client) { c.Scope = oauth.Scope{"openid", "email"} }, false, true},
		{"name where the preset vouches", true, func(c *client.Client) { c.ClientName = "Another" }, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			d.Clients.Policy.Clients.AppsVetted = tt.preset
			c := trusted(t, d)
			tt.change(&c)
			// Neither is for the developer to say.
			c.Vetted, c.SkipConsent = true, true
			c, err := d.Update(t.Context(), "u1", c)
			if err != nil || c.Vetted != tt.vetted || c.SkipConsent == tt.asks {
				t.Errorf("Update() = vetted %v, skip_consent %v, %v, want %v, %v", c.Vetted, c.SkipConsent, err, tt.vetted, !tt.asks)
			}
		})
	}
}

func TestN315_AnAppWithAnotherLogoIsNotVetted(t *testing.T) {
	red, blue := anImage(t, 1), anImage(t, 2)
	for _, tt := range []struct {
		name         string
		preset       bool
		logo         []byte
		vetted, asks bool
	}{
		{"the same", false, red, true, false},
		{"another", false, blue, false, true},
		{"none", false, nil, false, true},
		{"another where the preset vouches", true, blue, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			d.Clients.Policy.Clients.AppsVetted = tt.preset
			c := create(t, d)
			if _, err := d.SetLogo(t.Context(), "u1", c.ClientID, red); err != nil {
				t.Fatalf("SetLogo() = %v", err)
			}
			c.Vetted, c.SkipConsent = true, true
			if _, err := d.Clients.Update(t.Context(), c); err != nil {
				t.Fatalf("Update() by an operator = %v", err)
			}
			c, err := d.SetLogo(t.Context(), "u1", c.ClientID, tt.logo)
			if err != nil || c.Vetted != tt.vetted || c.SkipConsent == tt.asks {
				t.Errorf("SetLogo() = vetted %v, skip_consent %v, %v, want %v, %v", c.Vetted, c.SkipConsent, err, tt.vetted, !tt.asks)
			}
		})
	}
}

// anImage is a PNG of that width.
func anImage(t *testing.T, width int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, width, 1))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOnlyAdminsGetIn(t *testing.T) {
	d := newDesk(t)
	c := create(t, d)
	for held, want := range map[role.Role]error{
		role.None: fault.NotFound, role.Viewer: fault.Denied, role.Member: fault.Denied, role.Admin: nil,
	} {
		d.Directory = everywhere(held)
		if _, err := d.Find(t.Context(), "u1", c.ClientID); !errors.Is(err, want) {
			t.Errorf("Find() as %v = %v, want %v", held, err, want)
		}
	}
}

// between has f run while the desk asks who acts: between its first look at an app
// and its change.
type between struct {
	app.Directory
	f func()
}

func (b between) Membership(ctx context.Context, sub, workspaceID string) (app.Membership, error) {
	b.f()
	return b.Directory.Membership(ctx, sub, workspaceID)
}

func TestN221_UpdateOfTheRevisionToComeBringsNothingBack(t *testing.T) {
	for name, ahead := range map[string]int64{"revision that was read": 0, "revision to come": 1} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			c := create(t, d)
			c.SkipConsent = true
			c, err := d.Clients.Update(t.Context(), c)
			if err != nil {
				t.Fatalf("Update() by an operator = %v", err)
			}
			taken := c
			taken.SkipConsent = false
			d.Directory = between{d.Directory, func() {
				if _, err := d.Clients.Update(context.WithoutCancel(t.Context()), taken); err != nil {
					t.Fatalf("Update() by an operator = %v", err)
				}
			}}
			c.Revision += ahead
			if _, err := d.Update(t.Context(), "u1", c); !errors.Is(err, fault.Conflict) {
				t.Errorf("Update() = %v, want %v", err, fault.Conflict)
			}
			if now, err := d.Clients.Find(t.Context(), c.ClientID); err != nil || now.SkipConsent {
				t.Errorf("Find() = skip_consent %v, %v", now.SkipConsent, err)
			}
		})
	}
}
