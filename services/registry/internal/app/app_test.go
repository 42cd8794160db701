package app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/app"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clientsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret/clientsecretsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/logo/logosqlite"
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
	clients := clientsqlite.New(db, preset.RestrictionKeep)
	return &app.Desk{
		Directory: everywhere(role.Admin),
		Clients:   &client.Registrar{Clients: clients, Lists: clients, Policy: client.PolicyOf(preset.Default())},
		Secrets:   &clientsecret.Keeper{Secrets: clientsecretsqlite.New(db, preset.RestrictionKeep)},
		Logos:     logosqlite.New(db),
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

// Operators vouch for an app as they saw it.
func TestN315_AnAppThatBecomesAnotherIsNotVetted(t *testing.T) {
	for _, tt := range []struct {
		name   string
		preset bool
		change func(*client.Client)
		want   bool
	}{
		{"nothing", false, func(*client.Client) {}, true},
		{"description", false, func(c *client.Client) { c.Description = "Better" }, true},
		{"name", false, func(c *client.Client) { c.ClientName = "Another" }, false},
		{"redirect URI", false, func(c *client.Client) { c.RedirectURIs = []string{"https://evil.example/cb"} }, false},
		{"name where the preset vouches", true, func(c *client.Client) { c.ClientName = "Another" }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			d.Clients.Policy.Clients.AppsVetted = tt.preset
			c := create(t, d)
			if c.Vetted != tt.preset {
				t.Fatalf("Create() = vetted %v", c.Vetted)
			}
			c.Vetted = true
			c, err := d.Clients.Update(t.Context(), c)
			if err != nil || !c.Vetted {
				t.Fatalf("Update() = vetted %v, %v", c.Vetted, err)
			}
			tt.change(&c)
			c.Vetted = true // which is not for the developer to say
			if c, err = d.Update(t.Context(), "u1", c); err != nil || c.Vetted != tt.want {
				t.Errorf("Update() = vetted %v, %v, want %v", c.Vetted, err, tt.want)
			}
		})
	}
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
