package token_test

import (
	"encoding/base64"
	"errors"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

func TestN099_N100_FailedAuthenticationConsumesNothing(t *testing.T) {
	f := newFixture(t)
	code := f.code(t)
	strangers := map[string]client{
		"no secret":         {c1.id, oauth.AuthNone, ""},
		"empty secret":      {c1.id, c1.method, ""},
		"another's secret":  {c1.id, c1.method, c2.secret},
		"prefix":            {c1.id, c1.method, "s"},
		"suffix":            {c1.id, c1.method, "s1x"},
		"newline":           {c1.id, c1.method, "s1\n"},
		"case":              {c1.id, c1.method, "S1"},
		"N102 other method": {c1.id, oauth.AuthClientSecretPost, c1.secret},
		"unknown client":    {"c9", c1.method, c1.secret},
	}
	for name, c := range strangers {
		t.Run(name, func(t *testing.T) {
			f.refused(t, c, byCode(code), oauth.InvalidClient)
			f.refused(t, c, byCredentials("introspect"), oauth.InvalidClient)
		})
	}
	first := f.mustExchange(t, c1, byCode(code))
	for name, c := range strangers {
		t.Run(name+", refresh", func(t *testing.T) {
			f.refused(t, c, byRefresh(first.GetRefreshToken()), oauth.InvalidClient)
		})
	}
	// Neither rotated nor reused: the token is as it was.
	second := f.mustExchange(t, c1, byRefresh(first.GetRefreshToken()))
	f.mustExchange(t, c1, byRefresh(second.GetRefreshToken()))
	f.mustExchange(t, c1, byCredentials("introspect"))
}

func TestN102_PublicClientSendsNoSecret(t *testing.T) {
	f := newFixture(t)
	issue := func(r *tokenv1.IssueCodeRequest) { r.ClientId = p1.id }
	f.consent.grant.ClientId = p1.id
	code := f.code(t, issue)
	for _, method := range []string{oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost} {
		f.refused(t, client{p1.id, method, "s"}, byCode(code), oauth.InvalidClient)
	}
	f.mustExchange(t, p1, byCode(code))
}

func TestN101_N103_N104_ConfusedAuthenticationIsRefused(t *testing.T) {
	f := newFixture(t)
	code := f.code(t)
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, tt := range map[string]struct {
		headers []string
		change  func(*tokenv1.ExchangeRequest)
		want    error
	}{
		"N101 header and body secret": {[]string{basic("c1:s1")}, func(r *tokenv1.ExchangeRequest) { r.ClientSecret = "s1" }, oauth.InvalidRequest},
		"N101 header and assertion": {[]string{basic("c1:s1")}, func(r *tokenv1.ExchangeRequest) {
			r.ClientAssertion, r.ClientAssertionType = "a.b.c", oauth.AssertionTypeJWT
		}, oauth.InvalidRequest},
		"N103 two clients":    {[]string{basic("c1:s1")}, func(r *tokenv1.ExchangeRequest) { r.ClientId = "c2" }, oauth.InvalidRequest},
		"N104 two headers":    {[]string{basic("c1:s1"), basic("c1:s1")}, nil, oauth.InvalidRequest},
		"N104 no colon":       {[]string{basic("c1")}, nil, oauth.InvalidClient},
		"N104 bad base64":     {[]string{"Basic !"}, nil, oauth.InvalidClient},
		"N104 no credentials": {nil, nil, oauth.InvalidClient},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, req := t.Context(), byCode(code)
			for _, h := range tt.headers {
				ctx = metadata.AppendToOutgoingContext(ctx, clientauth.MetadataKey, h)
			}
			if tt.change != nil {
				tt.change(req)
			}
			if _, err := f.token.Exchange(ctx, req); !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
		})
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), clientauth.MetadataKey, basic("c1:s1"))
	req := byCode(code)
	req.ClientId = "c1"
	if _, err := f.token.Exchange(ctx, req); err != nil {
		t.Errorf("the same client twice: %v", err)
	}
}

func TestN108_N152_UnknownGrantTypes(t *testing.T) {
	f := newFixture(t)
	code := f.code(t)
	for grantType, want := range map[string]error{
		"":                   oauth.InvalidRequest,
		"password":           oauth.UnsupportedGrantType,
		"implicit":           oauth.UnsupportedGrantType,
		"Authorization_Code": oauth.UnsupportedGrantType,
		"urn:ietf:params:oauth:grant-type:token-exchange": oauth.UnsupportedGrantType,
		"urn:ietf:params:oauth:grant-type:jwt-bearer":     oauth.UnsupportedGrantType,
	} {
		req := byCode(code)
		req.GrantType = grantType
		f.refused(t, c1, req, want)
	}
	f.mustExchange(t, c1, byCode(code))
}

func TestN109_GrantTypeThatIsNotTheClients(t *testing.T) {
	f := newFixture(t)
	first := f.mustExchange(t, c1, byCode(f.code(t)))
	for grantType, req := range map[string]*tokenv1.ExchangeRequest{
		oauth.GrantAuthorizationCode: byCode(f.code(t)),
		oauth.GrantRefreshToken:      byRefresh(first.GetRefreshToken()),
		oauth.GrantClientCredentials: byCredentials(""),
	} {
		var others []string
		for _, g := range []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials} {
			if g != grantType {
				others = append(others, g)
			}
		}
		f.registry.change(c1, func(c *registryv1.Client) { c.GrantTypes = others })
		f.refused(t, c1, req, oauth.UnauthorizedClient)
		f.registry.change(c1, func(c *registryv1.Client) { c.GrantTypes = append(others, grantType) })
		f.mustExchange(t, c1, req)
	}
}

func TestN120_DeletedClientGetsNothing(t *testing.T) {
	f := newFixture(t)
	first := f.mustExchange(t, c1, byCode(f.code(t)))
	requests := []*tokenv1.ExchangeRequest{byCode(f.code(t)), byRefresh(first.GetRefreshToken()), byCredentials("introspect")}
	f.registry.change(c1, nil)
	for _, req := range requests {
		f.refused(t, c1, req, oauth.InvalidClient)
	}
}

func TestMissingParameters(t *testing.T) {
	f := newFixture(t)
	f.refused(t, c1, byCode(""), oauth.InvalidRequest)
	f.refused(t, c1, byRefresh(""), oauth.InvalidRequest)
}

func TestN150_CredentialsAreTheClientsOwn(t *testing.T) {
	f := newFixture(t)
	got := f.mustExchange(t, c1, byCredentials("introspect"))
	if got.RefreshToken != nil || got.IdToken != nil || got.GetScope() != "introspect" || got.GetTokenType() != "Bearer" || got.GetExpiresIn() != 3600 {
		t.Errorf("Exchange() = %v, want an access token alone", got)
	}
	token := f.open(t, got.GetAccessToken())
	// N151: whatever the client's id is, it is nobody's sub.
	if token.Sub != "" || token.ClientID != c1.id || token.ClientVersion != 1 || token.ClientScopeVersion != 2 || len(token.Audience) != 0 {
		t.Errorf("token = %+v, want the client's own", token)
	}
	f.refused(t, p1, byCredentials("introspect"), oauth.UnauthorizedClient)
	for _, scope := range []string{"openid", "offline_access", "workspace:viewer", "project:viewer", "introspect openid", "unknown", "introspect  x", "Introspect"} {
		f.refused(t, c1, byCredentials(scope), oauth.InvalidScope)
	}
	f.registry.change(c1, func(c *registryv1.Client) { c.Scope = "openid" })
	f.refused(t, c1, byCredentials("introspect"), oauth.InvalidScope)
}

func TestCredentialsWithoutScopeGetTheDefault(t *testing.T) {
	f := newFixture(t)
	if got := f.mustExchange(t, c1, byCredentials("")); got.GetScope() != "introspect" {
		t.Errorf("scope = %q, want all that is the client's own", got.GetScope())
	}
	f.registry.change(c1, func(c *registryv1.Client) { c.Scope, c.DefaultScope = "openid", "openid" })
	if got := f.mustExchange(t, c1, byCredentials("")); got.Scope != nil {
		t.Errorf("scope = %q of a client without scope of its own", got.GetScope())
	}
}

// RFC 8707 §2.2.
func TestResourceNarrowsTheAudience(t *testing.T) {
	f := newFixture(t)
	for name, tt := range map[string]struct {
		resource []string
		want     error
	}{
		"one":          {[]string{api}, nil},
		"two":          {[]string{api, "https://b.example"}, nil},
		"the issuer":   {[]string{issuer}, nil},
		"unknown":      {[]string{"https://evil.example"}, oauth.InvalidTarget},
		"one of two":   {[]string{api, "https://evil.example"}, oauth.InvalidTarget},
		"another path": {[]string{api + "/"}, oauth.InvalidTarget},
	} {
		req := byCredentials("introspect")
		req.Resource = tt.resource
		resp, err := f.exchange(t, c1, req)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if err == nil && len(f.open(t, resp.GetAccessToken()).Audience) != len(tt.resource) {
			t.Errorf("%s: audience = %v", name, f.open(t, resp.GetAccessToken()).Audience)
		}
	}
}
