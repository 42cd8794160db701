package client_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// greedy is a client that says of itself what is not for it to say.
func greedy() client.Client {
	grace, window := time.Second, time.Minute
	c := alone()
	c.TokenEndpointAuthMethod = oauth.AuthClientSecretBasic
	c.SkipConsent, c.Audience, c.RefreshRotation = true, []string{"https://api.example/"}, client.RotateNever
	c.AccessTokenLifetime, c.RefreshTokenLifetime, c.RefreshGrace, c.RefreshWindow = time.Hour, time.Hour, &grace, &window
	c.WorkspaceID, c.Visibility, c.ClientKind, c.Description = workspace, client.Public, "cli", "Trust me"
	c.ClientID, c.Revision, c.RequirePKCE, c.DefaultScope = "chosen", 7, false, oauth.Scope{"openid"}
	return c
}

func TestN214_RegisteredClientGetsWhatThePresetHas(t *testing.T) {
	r := newRegistrar(t)
	c, shown, err := r.Register(t.Context(), greedy())
	if err != nil {
		t.Fatalf("Register() = %v", err)
	}
	want := alone()
	want.TokenEndpointAuthMethod, want.IDTokenSignedResponseAlg = oauth.AuthClientSecretBasic, "RS256"
	want.Vetted, want.RequirePKCE, want.Visibility, want.ClientKind = false, true, client.Unlisted, "mcp"
	want.Version, want.ScopeVersion, want.Revision = 1, 1, 1
	if diff := cmp.Diff(want, c, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(client.Client{}, "ClientID", "CreateTime")); diff != "" {
		t.Errorf("Register() (-want +got):\n%s", diff)
	}
	if c.ClientID == "chosen" || secret.Check("chcs", shown.Reveal()) != nil {
		t.Errorf("Register() = id %q, secret %q", c.ClientID, shown.Reveal())
	}
}

func TestOnlyRegistrationMakesRegisteredClients(t *testing.T) {
	r := newRegistrar(t)
	if c, _ := create(t, r, alone()); c.Registered() {
		t.Error("Create() made a client that manages itself")
	}
	if _, _, err := r.Register(t.Context(), browser()); err == nil {
		t.Error("Register() made a client that nobody manages")
	}
}

func TestN206_RegistrationsAreCapped(t *testing.T) {
	r := newRegistrar(t)
	for range 2 {
		if _, _, err := r.Register(t.Context(), alone()); err != nil {
			t.Fatalf("Register() = %v", err)
		}
	}
	if _, _, err := r.Register(t.Context(), alone()); !errors.Is(err, fault.Exhausted) {
		t.Errorf("Register() of the third = %v, want %v", err, fault.Exhausted)
	}
	create(t, r, web())
}

func TestReplaceTakesDefaultsForWhatIsLeftOut(t *testing.T) {
	r := newRegistrar(t)
	c, first, err := r.Register(t.Context(), greedy())
	if err != nil {
		t.Fatalf("Register() = %v", err)
	}
	// What an operator has said of it since stays.
	c.Audience, c.AccessTokenLifetime, c.RequireRevocationAuth = []string{"https://api.example/"}, time.Minute, true
	c.Vetted, c.DefaultScope, c.Description = true, oauth.Scope{"openid", "email"}, "Looked at"
	if c, err = r.Update(t.Context(), c); err != nil {
		t.Fatalf("Update() = %v", err)
	}
	replaced, second, err := r.Replace(t.Context(), client.Client{
		ClientID: c.ClientID, Revision: c.Revision, ClientName: "Renamed", RedirectURIs: c.RedirectURIs, Scope: oauth.Scope{"openid"},
		SkipConsent: true, Vetted: true, WorkspaceID: workspace, Visibility: client.Public,
	})
	if err != nil {
		t.Fatalf("Replace() = %v", err)
	}
	want := c
	want.ClientName, want.Scope, want.DefaultScope = "Renamed", oauth.Scope{"openid"}, oauth.Scope{"openid"}
	want.TokenEndpointAuthMethodsSupported = []string{oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost}
	want.Vetted = false // Nobody has vouched for that name.
	want.Revision, want.ScopeVersion = c.Revision+1, c.ScopeVersion+1
	if diff := cmp.Diff(want, replaced, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Replace() (-want +got):\n%s", diff)
	}
	if first.Digest() == second.Digest() || secret.Check("chcs", second.Reveal()) != nil {
		t.Error("Replace() gave no new secret")
	}
	wide, _, err := r.Replace(t.Context(), client.Client{ClientID: c.ClientID, Revision: replaced.Revision, ClientName: "Renamed", RedirectURIs: c.RedirectURIs})
	if err != nil || !wide.Scope.Equal(provider().Scopes.Grantable()) {
		t.Errorf("Replace() without scope = %v, %v", wide.Scope, err)
	}
}

// An operator vouches for what a client says of itself, and not for what it says
// later.
func TestN214_ReplacementIsVouchedForByNobody(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(*client.Client)
		vouched bool
	}{
		{"same", same, true},
		{"smaller scope", func(c *client.Client) { c.Scope = oauth.Scope{"openid"} }, true},
		{"fewer redirect URIs", func(c *client.Client) { c.RedirectURIs = c.RedirectURIs[:1] }, true},
		{"larger scope", func(c *client.Client) { c.Scope = nil }, false},
		{"name", func(c *client.Client) { c.ClientName = "Another" }, false},
		{"redirect URI", func(c *client.Client) { c.RedirectURIs = append(c.RedirectURIs, "https://evil.example/cb") }, false},
		{"homepage", func(c *client.Client) { c.ClientURI = "https://evil.example/" }, false},
		{"logo", func(c *client.Client) { c.LogoURI = "https://evil.example/logo.png" }, false},
		{"policy", func(c *client.Client) { c.PolicyURI = "https://evil.example/policy" }, false},
		{"terms", func(c *client.Client) { c.TosURI = "https://evil.example/tos" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistrar(t)
			said := alone()
			said.Scope, said.RedirectURIs = oauth.Scope{"openid", "email"}, []string{"https://app.example/cb", "https://app.example/cb2"}
			c, _, err := r.Register(t.Context(), said)
			if err != nil {
				t.Fatalf("Register() = %v", err)
			}
			c.Vetted, c.SkipConsent = true, true
			if c, err = r.Update(t.Context(), c); err != nil {
				t.Fatalf("Update() = %v", err)
			}
			tt.change(&c)
			replaced, _, err := r.Replace(t.Context(), c)
			if err != nil {
				t.Fatalf("Replace() = %v", err)
			}
			if replaced.Vetted != tt.vouched || replaced.SkipConsent != tt.vouched {
				t.Errorf("Replace() = vetted %v, skip_consent %v", replaced.Vetted, replaced.SkipConsent)
			}
		})
	}
}

func TestN315_WhoVouchesForAClient(t *testing.T) {
	operators := func(c *client.Client) { c.VettedUnsaid = true }
	owned := func(c *client.Client) { c.WorkspaceID, c.VettedUnsaid = workspace, true }
	for _, tt := range []struct {
		name             string
		apps, registered bool // what the preset says
		change           func(*client.Client)
		registers        bool
		want             bool
	}{
		{"a client of the operators", false, false, operators, false, true},
		{"one that they do not vouch for", true, true, func(c *client.Client) { c.Vetted = false }, false, false},
		{"an app of a workspace", false, true, owned, false, false},
		{"an app of a workspace where the preset vouches", true, false, owned, false, true},
		{"an app that operators vouch for", false, false, func(c *client.Client) { c.WorkspaceID = workspace }, false, true},
		{"a client that registers itself", true, false, operators, true, false},
		{"a client that registers itself where the preset vouches", false, true, operators, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistrar(t)
			r.Policy.Clients.AppsVetted, r.Policy.Registration.Vetted = tt.apps, tt.registered
			c := web()
			tt.change(&c)
			make := r.Create
			if tt.registers {
				c.RegistrationDigest, make = secret.DigestOf("token"), r.Register
			}
			created, _, err := make(t.Context(), c)
			if err != nil || created.Vetted != tt.want {
				t.Fatalf("created vetted = %v, %v, want %v", created.Vetted, err, tt.want)
			}
			// An update that does not speak of it leaves it.
			created.Vetted, created.VettedUnsaid = false, true
			if created, err = r.Update(t.Context(), created); err != nil || created.Vetted != tt.want {
				t.Errorf("Update() = vetted %v, %v, want %v", created.Vetted, err, tt.want)
			}
		})
	}
}

// The preset vouches for whom nobody has looked at, and so not for a name like that
// of another owner's client. Operators may.
func TestN093_ThePresetVouchesForNoLookAlike(t *testing.T) {
	r := newRegistrar(t)
	r.Policy.Clients.AppsVetted, r.Policy.Registration.Vetted = true, true
	check := func(doing string, c client.Client, err error, want bool) client.Client {
		t.Helper()
		if err != nil || c.Vetted != want {
			t.Errorf("%s = vetted %v, %v, want %v", doing, c.Vetted, err, want)
		}
		return c
	}
	make := func(name, workspace string) client.Client {
		t.Helper()
		c := web()
		c.ClientName, c.WorkspaceID, c.VettedUnsaid = name, workspace, true
		c, _, err := r.Create(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const another = "22222222-2222-4222-8222-222222222222"
	check("the first of its name", make("Reports", workspace), nil, true)
	alike := check("the second", make("Rep0rts", another), nil, false)
	check("the second of the same owner", make("REPORTS", workspace), nil, true)

	alike.Vetted = true
	alike, err := r.Update(t.Context(), alike)
	check("operators vouch for it", alike, err, true)

	renamed := make("Something", "33333333-3333-4333-8333-333333333333")
	old := renamed
	renamed.ClientName = "rep0rts"
	renamed, err = r.Update(t.Context(), renamed.TrustedAs(old, r.Policy))
	check("its developer renames it", renamed, err, false)
	renamed.ClientName, renamed.Vetted = "Something", true
	renamed, err = r.Update(t.Context(), renamed)
	old = check("operators give it back its name", renamed, err, true)
	renamed.ClientName = "Something else"
	renamed, err = r.Update(t.Context(), renamed.TrustedAs(old, r.Policy))
	check("its developer gives it a name of its own", renamed, err, true)

	self := alone()
	self.ClientName = "Reports"
	registered, _, err := r.Register(t.Context(), self)
	check("registers itself", registered, err, false)
	self.ClientName = "Another"
	registered, _, err = r.Register(t.Context(), self)
	registered = check("registers itself by a name of its own", registered, err, true)
	registered.ClientName = "Reports"
	registered, _, err = r.Replace(t.Context(), registered)
	check("renames itself", registered, err, false)
}

func TestReplaceKeepsTheRules(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*client.Client)
		want   string
		secret bool
	}{
		{"same", same, "", false},
		{"with a secret", func(c *client.Client) { c.TokenEndpointAuthMethod = oauth.AuthClientSecretPost }, "", true},
		{"dangerous redirect URI", redirect("javascript:alert(1)"), "redirect_uris", false},
		{"application type", func(c *client.Client) {
			c.ApplicationType, c.RedirectURIs = oauth.ApplicationNative, []string{"http://127.0.0.1/cb"}
		}, "application_type cannot be changed", false},
		{"application type left out", func(c *client.Client) { c.ApplicationType = "" }, "", false},
		{"right of its own", func(c *client.Client) {
			c.TokenEndpointAuthMethod, c.Scope = oauth.AuthClientSecretBasic, oauth.Scope{"introspect"}
		}, "scope of a client that registers itself", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistrar(t)
			c, _, err := r.Register(t.Context(), alone())
			if err != nil {
				t.Fatalf("Register() = %v", err)
			}
			tt.change(&c)
			_, shown, err := r.Replace(t.Context(), c)
			checkInvalid(t, err, tt.want)
			if got := shown.Reveal() != ""; got != tt.secret {
				t.Errorf("Replace() shows a secret: %v, want %v", got, tt.secret)
			}
		})
	}
}

func TestN221_SecondReplacementIsTold(t *testing.T) {
	r := newRegistrar(t)
	c, _, err := r.Register(t.Context(), alone())
	if err != nil {
		t.Fatalf("Register() = %v", err)
	}
	if _, _, err := r.Replace(t.Context(), c); err != nil {
		t.Errorf("Replace(first) = %v", err)
	}
	if _, _, err := r.Replace(t.Context(), c); !errors.Is(err, fault.Conflict) {
		t.Errorf("Replace(second) = %v, want %v", err, fault.Conflict)
	}
	c.ClientID = "unknown"
	if _, _, err := r.Replace(t.Context(), c); !errors.Is(err, fault.NotFound) {
		t.Errorf("Replace(unknown) = %v, want %v", err, fault.NotFound)
	}
}

func TestDefaultsAreThePresets(t *testing.T) {
	r := newRegistrar(t)
	r.Policy.Clients.Web.TokenEndpointAuthMethod = oauth.AuthClientSecretPost
	r.Policy.Clients.Web.RequirePKCE = false
	r.Policy.Clients.Web.GrantTypes = []string{oauth.GrantAuthorizationCode}
	for _, tt := range []struct {
		name, application, asked, method string
		grants                           []string
		pkce                             bool
	}{
		{"web", "", "", oauth.AuthClientSecretPost, []string{oauth.GrantAuthorizationCode}, false},
		{"browser", "web", oauth.AuthNone, oauth.AuthNone, []string{oauth.GrantAuthorizationCode}, true},
		{"native", "native", "", oauth.AuthNone, []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := create(t, r, client.Client{
				ClientName: "Example", ApplicationType: oauth.ApplicationType(tt.application), TokenEndpointAuthMethod: tt.asked,
				RedirectURIs: []string{"https://app.example/cb"}, PKCEUnsaid: true,
			})
			if c.TokenEndpointAuthMethod != tt.method || !slices.Equal(c.GrantTypes, tt.grants) || c.RequirePKCE != tt.pkce || c.Visibility != client.Unlisted {
				t.Errorf("Create() = %+v", c)
			}
		})
	}
}
