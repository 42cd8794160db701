package client_test

import (
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

const workspace = "0b8f0d6e-6c5f-4b0e-8f1d-2f6f3c1f7a10"

// owned returns a client of a workspace that keeps every rule.
func owned() client.Client {
	c := web()
	c.ClientName, c.WorkspaceID = "Example of a workspace", workspace
	return c
}

func TestDescriptions(t *testing.T) {
	text := func(s string) func(*client.Client) {
		return func(c *client.Client) { c.Description = s }
	}
	var cases []ruleCase
	for name, good := range map[string]string{
		"none":                        "",
		"words of several alphabets":  "Карты, 地図 and maps, 100% yours: a_map (v2)! 🗺",
		"500 characters":              strings.Repeat("名", 500),
		"no letter":                   "…",
		"two spaces between sentence": "One.  Two.",
	} {
		cases = append(cases, ruleCase{name, web, text(good), ""})
	}
	for name, bad := range map[string]string{
		"501 characters":          strings.Repeat("a", 501),
		"line end":                "one\ntwo",
		"carriage return":         "one\rtwo",
		"tab":                     "one\ttwo",
		"NUL":                     "a\x00b",
		"direction":               "over\u202eride",
		"zero width":              "a\u200bb",
		"no-break space":          "a\u00a0b",
		"line separator":          "a\u2028b",
		"not in form C":           "Cafe\u0301",
		"no UTF-8":                "a\xff",
		"space at the beginning":  " a",
		"space at the end":        "a ",
		"marks":                   "Z\u0335\u0335\u0335\u0335\u0335",
		"look-alikes in one word": "Sign in with R\u0430ilway",
	} {
		cases = append(cases, ruleCase{name, web, text(bad), "description must"})
	}
	checkRules(t, cases)
}

func TestOwnersAndVisibility(t *testing.T) {
	visible := func(v client.Visibility) func(*client.Client) {
		return func(c *client.Client) { c.Visibility = v }
	}
	ownedBy := func(id string) func(*client.Client) {
		return func(c *client.Client) { c.WorkspaceID = id }
	}
	checkRules(t, []ruleCase{
		{"owned", owned, same, ""},
		{"owner by name", web, ownedBy("acme"), "workspace_id must be a UUID"},
		{"owner in capitals", web, ownedBy(strings.ToUpper(workspace)), "workspace_id must be a UUID"},
		{"owner in braces", web, ownedBy("{" + workspace + "}"), "workspace_id must be a UUID"},
		{"internal", owned, visible(client.Internal), ""},
		{"internal without an owner", web, visible(client.Internal), "visibility of a client without workspace_id"},
		{"unlisted", web, visible(client.Unlisted), ""},
		{"public", web, visible(client.Public), ""},
		{"public and owned", owned, visible(client.Public), ""},
		{"unknown visibility", web, visible("Public"), "visibility must"},
		{"kind", web, func(c *client.Client) { c.ClientKind = "cli" }, ""},
		{"unknown kind", web, func(c *client.Client) { c.ClientKind = "CLI" }, "client_kind must"},
	})
}

func TestN093_AppsOfWorkspacesDoNotBearThePlatformsName(t *testing.T) {
	name := func(s string) func(*client.Client) {
		return func(c *client.Client) { c.ClientName = s }
	}
	checkRules(t, []ruleCase{
		{"the platform's", owned, name("Sign in to CHANCERY"), "client_name of an unverified client, or of one that a workspace owns"},
		{"another", owned, name("Sign in to Example"), ""},
		{"the platform's, of operators", web, name("Sign in to CHANCERY"), ""},
	})
}

func TestPKCECanBeMandatory(t *testing.T) {
	r := newRegistrar(t)
	r.Policy.Clients.PKCEMandatory = true
	r.Policy.Clients.Web.RequirePKCE = false
	c := web()
	c.RequirePKCE = false
	_, _, err := r.Create(t.Context(), c)
	checkInvalid(t, err, "require_pkce must not be false")
	c.RequirePKCE = true
	if _, _, err := r.Create(t.Context(), c); err != nil {
		t.Errorf("Create() = %v", err)
	}
	c.RequirePKCE, c.PKCEUnsaid = false, true
	if created, _ := create(t, r, c); !created.RequirePKCE || created.PKCEUnsaid {
		t.Errorf("Create() = %+v", created)
	}
}

func TestOwnerIsForEver(t *testing.T) {
	r := newRegistrar(t)
	for _, tt := range []struct {
		name, from, to, want string
	}{
		{"the same", workspace, workspace, ""},
		{"left out", workspace, "", ""},
		{"another", workspace, "11111111-6c5f-4b0e-8f1d-2f6f3c1f7a10", "workspace_id cannot be changed"},
		{"the first", "", workspace, "workspace_id cannot be changed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := web()
			c.WorkspaceID = tt.from
			c, _ = create(t, r, c)
			c.WorkspaceID = tt.to
			updated, err := r.Update(t.Context(), c)
			checkInvalid(t, err, tt.want)
			if err == nil && updated.WorkspaceID != tt.from {
				t.Errorf("Update() = owner %q, want %q", updated.WorkspaceID, tt.from)
			}
		})
	}
}

func TestUpdateMayNotShowByOmission(t *testing.T) {
	r := newRegistrar(t)
	c := owned()
	c.Visibility, c.RequirePKCE = client.Internal, true
	c, _ = create(t, r, c)
	c.Visibility, c.RequirePKCE, c.PKCEUnsaid = "", false, true
	c, err := r.Update(t.Context(), c)
	if err != nil || c.Visibility != client.Internal || !c.RequirePKCE {
		t.Errorf("Update() = %+v, %v", c, err)
	}
}

// alone returns a client that registers itself, as it may.
func alone() client.Client {
	c := browser()
	c.RegistrationDigest = secret.DigestOf("token")
	return c
}

// What an operator may do to a client that registered itself.
func TestRegisteredClientsStayWhatTheyAre(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*client.Client)
		want   string
	}{
		{"nothing", same, ""},
		{"vetted", func(c *client.Client) { c.Vetted = true }, ""},
		{"lifetime", func(c *client.Client) { c.AccessTokenLifetime = 1e9 }, ""},
		{"public", func(c *client.Client) { c.Visibility = client.Public }, "visibility of a client that registered itself"},
		{"another kind", func(c *client.Client) { c.ClientKind = "cli" }, "client_kind of a client that registered itself"},
		{"no kind", func(c *client.Client) { c.ClientKind = "" }, "client_kind of a client that registered itself"},
		{"owner", func(c *client.Client) { c.WorkspaceID = workspace }, "workspace_id cannot be changed"},
		{"right of its own", func(c *client.Client) {
			c.Scope = oauth.Scope{"introspect"}
			c.TokenEndpointAuthMethod = oauth.AuthClientSecretBasic
		}, "scope of a client that registers itself"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistrar(t)
			c, _, err := r.Register(t.Context(), alone())
			if err != nil {
				t.Fatalf("Register() = %v", err)
			}
			tt.change(&c)
			_, err = r.Update(t.Context(), c)
			checkInvalid(t, err, tt.want)
		})
	}
}
