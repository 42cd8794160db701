package client_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

func create(t *testing.T, r *client.Registrar, c client.Client) (client.Client, string) {
	t.Helper()
	created, shown, err := r.Create(t.Context(), c)
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	return created, shown.Reveal()
}

func TestNewClientHasDefaults(t *testing.T) {
	r := newRegistrar(t)
	granted := preset.Default().Scopes.Names(preset.Identity, preset.Workspace, preset.Project)
	codes := []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}
	tests := []struct {
		name   string
		given  client.Client
		method string
		grants []string
		scope  oauth.Scope
	}{
		{"web", client.Client{RedirectURIs: []string{"https://app.example/cb"}}, oauth.AuthClientSecretBasic, codes, granted},
		{"native", client.Client{ApplicationType: oauth.ApplicationNative, RedirectURIs: []string{"http://127.0.0.1/cb"}}, oauth.AuthNone, codes, granted},
		{"machine", client.Client{}, oauth.AuthClientSecretBasic, []string{oauth.GrantClientCredentials}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.given.ClientName, tt.given.RequirePKCE = "Example", true
			c, shown := create(t, r, tt.given)
			if c.TokenEndpointAuthMethod != tt.method || !slices.Equal(c.GrantTypes, tt.grants) || !c.Scope.Equal(tt.scope) ||
				c.IDTokenSignedResponseAlg != "RS256" || len(c.DefaultScope) > 0 {
				t.Errorf("Create() = %+v", c)
			}
			if both := []string{oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost}; c.Confidential() != slices.Equal(c.AuthMethods(), both) {
				t.Errorf("Create() authenticates by %v", c.AuthMethods())
			}
			if c.Confidential() != (secret.Check("chcs", shown) == nil) {
				t.Errorf("Create() shows %q to a client of method %s", shown, c.TokenEndpointAuthMethod)
			}
		})
	}
	_, _, err := r.Create(t.Context(), client.Client{ClientName: "Example", ApplicationType: oauth.ApplicationNative, RequirePKCE: true})
	checkInvalid(t, err, "redirect_uris is required")
}

// What is said of the one method is no word about the others.
func TestUpdatesKeepTheMethodsThatTheyDoNotSpeakOf(t *testing.T) {
	basic, post, none := oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, oauth.AuthNone
	for _, tt := range []struct {
		name      string
		method    string
		supported []string
		want      []string
	}{
		{"nothing said", "", nil, []string{basic, post}},
		{"the one that is told", basic, nil, []string{basic, post}},
		{"another one", post, nil, []string{post}},
		{"another one, with the list as it was", post, []string{basic, post}, []string{post}},
		{"one that is not in the list, with that as it was", none, []string{basic, post}, []string{none}},
		{"the same, with the list as it was", basic, []string{basic, post}, []string{basic, post}},
		{"the list as it was", "", []string{basic, post}, []string{basic, post}},
		{"one, as a list", basic, []string{basic}, []string{basic}},
		{"the other first", post, []string{post, basic}, []string{post, basic}},
		{"the other first, which the list says", "", []string{post, basic}, []string{post, basic}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistrar(t)
			given := web()
			given.TokenEndpointAuthMethod = ""
			c, _ := create(t, r, given)
			c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported = tt.method, tt.supported
			updated, err := r.Update(t.Context(), c)
			if err != nil || !slices.Equal(updated.AuthMethods(), tt.want) {
				t.Errorf("Update() = methods %v, %v, want %v", updated.AuthMethods(), err, tt.want)
			}
		})
	}
}

func TestUpdateMayNotWidenByOmission(t *testing.T) {
	r := newRegistrar(t)
	c, _ := create(t, r, web())
	c.Scope, c.DefaultScope, c.ApplicationType, c.TokenEndpointAuthMethod, c.IDTokenSignedResponseAlg = nil, nil, "", "", ""
	c, err := r.Update(t.Context(), c)
	if err != nil {
		t.Fatalf("Update() = %v", err)
	}
	if len(c.Scope) > 0 || c.ApplicationType != oauth.ApplicationWeb || c.TokenEndpointAuthMethod != oauth.AuthClientSecretBasic || c.IDTokenSignedResponseAlg != "RS256" {
		t.Errorf("Update() = %+v", c)
	}
	if c.ScopeVersion != 2 {
		t.Errorf("ScopeVersion = %d, want 2", c.ScopeVersion)
	}
	c.GrantTypes = nil
	_, err = r.Update(t.Context(), c)
	checkInvalid(t, err, "grant_types must name")
}

func TestUpdateKeepsTheRules(t *testing.T) {
	r := newRegistrar(t)
	tests := []struct {
		name   string
		change func(*client.Client)
		want   string
	}{
		{"same", same, ""},
		{"name", func(c *client.Client) { c.ClientName = "Other" }, ""},
		{"to another secret method", func(c *client.Client) { c.TokenEndpointAuthMethod = oauth.AuthClientSecretPost }, ""},
		{"to none", func(c *client.Client) { c.TokenEndpointAuthMethod = oauth.AuthNone }, ""},
		{"to none without PKCE", func(c *client.Client) { c.TokenEndpointAuthMethod, c.RequirePKCE = oauth.AuthNone, false }, "require_pkce"},
		{"to assertions without keys", func(c *client.Client) { c.TokenEndpointAuthMethod = oauth.AuthPrivateKeyJWT }, "jwks"},
		{"application type", func(c *client.Client) {
			c.ApplicationType, c.TokenEndpointAuthMethod = oauth.ApplicationNative, oauth.AuthNone
		}, "application_type cannot be changed"},
		{"dangerous redirect URI", redirect("javascript:alert(1)"), "redirect_uris"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := create(t, r, web())
			tt.change(&c)
			_, err := r.Update(t.Context(), c)
			checkInvalid(t, err, tt.want)
		})
	}
}

func TestN221_SecondEditorIsTold(t *testing.T) {
	r := newRegistrar(t)
	read, _ := create(t, r, web())
	first, second := read, read
	first.ClientName, second.ClientName = "First", "Second"
	if _, err := r.Update(t.Context(), first); err != nil {
		t.Fatalf("Update(first) = %v", err)
	}
	if _, err := r.Update(t.Context(), second); !errors.Is(err, fault.Conflict) {
		t.Errorf("Update(second) = %v, want %v", err, fault.Conflict)
	}
	got, err := r.Find(t.Context(), read.ClientID)
	if err != nil || got.ClientName != "First" {
		t.Errorf("Find() = %q, %v, want First", got.ClientName, err)
	}
}

func TestN219_DeletedClientIsUnknown(t *testing.T) {
	r := newRegistrar(t)
	c, _ := create(t, r, web())
	if err := r.Delete(t.Context(), c.ClientID); err != nil {
		t.Fatalf("Delete() = %v", err)
	}
	_, findErr := r.Find(t.Context(), c.ClientID)
	_, updateErr := r.Update(t.Context(), c)
	deleteErr := r.Delete(t.Context(), c.ClientID)
	for _, err := range []error{findErr, updateErr, deleteErr} {
		if !errors.Is(err, fault.NotFound) {
			t.Errorf("got %v, want %v", err, fault.NotFound)
		}
	}
	if again, _ := create(t, r, web()); again.ClientID == c.ClientID {
		t.Error("the id of a deleted client came back")
	}
}

func TestListHasEveryClientOnce(t *testing.T) {
	const clients = 7
	r := newRegistrar(t)
	var want []string
	for range clients {
		c, _ := create(t, r, web())
		want = append(want, c.ClientID)
	}
	for _, size := range []int{1, 2, clients - 1, clients, clients + 1, 0} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var got []string
			for token := ""; ; {
				page, next, err := r.List(t.Context(), size, token)
				if err != nil {
					t.Fatalf("List() = %v", err)
				}
				for _, c := range page {
					got = append(got, c.ClientID)
				}
				if token = next; token == "" {
					break
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(slices.Sorted(slices.Values(want)), got); diff != "" {
				t.Errorf("List() (-want +got):\n%s", diff)
			}
		})
	}
}

func TestN217_PageTokenIsTakenAsGivenOnly(t *testing.T) {
	r := newRegistrar(t)
	create(t, r, web())
	create(t, r, web())
	_, token, err := r.List(t.Context(), 1, "")
	if err != nil || token == "" {
		t.Fatalf("List() = %q, %v", token, err)
	}
	made := func(place string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(place + secret.Checksum(place)))
	}
	id := uuid.NewString()
	if _, _, err := r.List(t.Context(), 1, made("clients 1 "+id+" ")); err != nil {
		t.Errorf("List(well-formed token) = %v", err)
	}
	refused := []string{
		"x", token[1:], token[:len(token)-1], token + "=", token + "\n", token + "A", strings.ToUpper(token),
		made("secrets 1 " + id + " "), made("clients 1 ' OR 1=1 -- "), made("clients x " + id + " "),
		made("clients +1 " + id + " "), made("clients 1 " + strings.ToUpper("abcdef00"+id[8:]) + "  "), made("clients 1 {" + id + "} x "),
		base64.RawURLEncoding.EncodeToString([]byte("clients 1 " + id + " 000000")),
	}
	for i := range len(token) {
		flipped := []byte(token)
		flipped[i] ^= 1
		refused = append(refused, string(flipped))
	}
	for _, bad := range refused {
		_, _, err := r.List(t.Context(), 1, bad)
		checkInvalid(t, err, "page_token must")
	}
}
