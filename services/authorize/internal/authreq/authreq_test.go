package authreq_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
)

const issuer = "https://as.test"

var checker = &authreq.Checker{
	Issuer:             issuer,
	Resources:          []string{"https://api.test/v1"},
	Scopes:             preset.Default().Scopes,
	OfflineNeedsPrompt: true,
}

// valid is a request that keeps every rule, with every parameter that may be in
// it but the hints.
func valid() authreq.Request {
	return authreq.Request{
		ResponseType: "code", ClientID: "c1", RedirectURI: "https://app.example/cb", Scope: "openid profile",
		State: "s", Nonce: "n",
		CodeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", CodeChallengeMethod: "S256",
		Prompt: "login consent", MaxAge: "60", ResponseMode: "query", Resource: []string{issuer},
	}
}

func newClient() client.Client {
	return client.Client{
		ID: "c1", RedirectURIs: []string{"https://other.example/cb", "https://app.example/cb"},
		GrantTypes:  []string{"refresh_token", "authorization_code"},
		Scope:       oauth.Scope{"openid", "profile", "email", "offline_access", "workspace:viewer", "introspect"},
		RequirePKCE: true,
	}
}

// keys are the published keys of a signing set.
type keys struct {
	set *jwks.Set
	err error
}

func (k keys) IDTokenKeys(context.Context) (jwks.PublicSet, error) {
	if k.err != nil {
		return jwks.PublicSet{}, k.err
	}
	doc, err := k.set.Public()
	if err != nil {
		return jwks.PublicSet{}, err
	}
	return jwks.ParsePublicSet(doc)
}

// noKeys fails the test of a request without id_token_hint that asks for keys.
var noKeys = keys{err: errors.New("nobody is to ask")}

// edit is one change to the valid request, or to its client.
type edit func(*authreq.Request, *client.Client)

func code(err error) oauth.ErrorCode {
	var refusal *oauth.Error
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	if err != nil {
		return "not a refusal: " + oauth.ErrorCode(err.Error())
	}
	return ""
}

func after(change edit) (authreq.Checked, error) {
	r, c := valid(), newClient()
	change(&r, &c)
	return checker.AfterRedirect(context.Background(), r, c, noKeys)
}

func scope(value string) edit {
	return func(r *authreq.Request, _ *client.Client) { r.Scope = value }
}

func repeated(names ...string) edit {
	return func(r *authreq.Request, _ *client.Client) { r.Repeated = names }
}

func TestBeforeClient(t *testing.T) {
	id := func(value string) edit { return func(r *authreq.Request, _ *client.Client) { r.ClientID = value } }
	tests := []struct {
		name   string
		change edit
		want   oauth.ErrorCode
	}{
		{"valid", func(*authreq.Request, *client.Client) {}, ""},
		{"another parameter repeated", repeated("scope", "resource"), ""},
		{"N010 redirect_uri repeated", repeated("redirect_uri"), oauth.InvalidRequest},
		{"N015 client_id repeated", repeated("state", "client_id"), oauth.InvalidRequest},
		{"request_uri repeated", repeated("request_uri"), oauth.InvalidRequest},
		{"N015 client_id absent", id(""), oauth.InvalidClient},
		{"client_id of 256 bytes", id(strings.Repeat("c", 256)), ""},
		{"client_id of 257 bytes", id(strings.Repeat("c", 257)), oauth.InvalidClient},
		{"every printable character", id(` !"#$%&'()*+,-./09:;<=>?@AZ[\]^_az{|}~`), ""},
		{"N016 NUL", id("c\x00"), oauth.InvalidClient},
		{"N016 line break", id("c\n{\"level\":\"info\"}"), oauth.InvalidClient},
		{"N016 delete", id("c\x7f"), oauth.InvalidClient},
		{"N016 not UTF-8", id("c\xff"), oauth.InvalidClient},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := valid()
			tt.change(&r, nil)
			if got := code(checker.BeforeClient(r)); got != tt.want {
				t.Errorf("BeforeClient() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBeforeRedirect(t *testing.T) {
	uri := func(value string) edit { return func(r *authreq.Request, _ *client.Client) { r.RedirectURI = value } }
	loopback := func(value string, anyPort bool) edit {
		return func(r *authreq.Request, c *client.Client) {
			r.RedirectURI, c.RedirectURIs, c.AnyLoopbackPort = value, []string{"http://127.0.0.1/cb"}, anyPort
		}
	}
	tests := []struct {
		name   string
		change edit
		want   oauth.ErrorCode
	}{
		{"registered", uri("https://app.example/cb"), ""},
		{"the other one", uri("https://other.example/cb"), ""},
		{"N001 absent, several registered", uri(""), oauth.InvalidRequest},
		{"N001 absent, one registered", func(r *authreq.Request, c *client.Client) {
			r.RedirectURI, c.RedirectURIs = "", c.RedirectURIs[:1]
		}, oauth.InvalidRequest},
		{"none registered", func(_ *authreq.Request, c *client.Client) { c.RedirectURIs = nil }, oauth.InvalidRequest},
		{"an empty one registered and presented", func(r *authreq.Request, c *client.Client) {
			r.RedirectURI, c.RedirectURIs = "", []string{""}
		}, oauth.InvalidRequest},
		{"N009 any port of a client that may have any", loopback("http://127.0.0.1:51004/cb", true), ""},
		{"N009 no other port of another client", loopback("http://127.0.0.1:51004/cb", false), oauth.InvalidRequest},
		{"N009 port 65536", loopback("http://127.0.0.1:65536/cb", true), oauth.InvalidRequest},
		{"N009 another host", loopback("http://127.0.0.2:51004/cb", true), oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, c := valid(), newClient()
			tt.change(&r, &c)
			if got := code(checker.BeforeRedirect(r, c)); got != tt.want {
				t.Errorf("BeforeRedirect() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestN002ToN008_RedirectURIsAreComparedByTheirBytes(t *testing.T) {
	for _, presented := range []string{
		"https://app.example/cb/", "https://app.example/cb?x=1", "https://app.example/CB", "https://app.example/cb/../cb",
		"https://app.example/./cb", "https://app.example//cb", "https://app.example:443/cb", "HTTPS://APP.EXAMPLE/cb",
		"https://app.example/c%62", "https://app.example/cb ", "https://app.example/cb?",
		"https://app.example/cb%252f..%252fevil", "https://app.example/cb%2f..%2fevil", "https%3A%2F%2Fapp.example%2Fcb",
		"https://app.example@evil.test/cb", "https://app.example:443@evil.test/cb", "http://localhost:80@evil.test/",
		"https://app.example.evil.test/cb", "https://evilapp.example/cb", "https://appXexample/cb",
		"https://app.example%2eevil.test/cb", "https://app.example%00.evil.test/cb",
		`https://app.example\@evil.test/cb`, `https://evil.test\.app.example/cb`, "https://app.exa%09mple/cb",
		"https://app.example/cb%0d%0aSet-Cookie:x=1", "https://app.example/cb#", "https://app.example/cb#x",
		"https://app.example/cb;x=1", "javascript:alert(1)//", "data:text/html,x", " javascript:alert(1)",
		"https://\u0430pp.example/cb", "https://app.example/cb" + strings.Repeat("a", 9<<10),
	} {
		r := valid()
		r.RedirectURI = presented
		if got := code(checker.BeforeRedirect(r, newClient())); got != oauth.InvalidRequest {
			t.Errorf("BeforeRedirect(%.80q) = %q", presented, got)
		}
	}
}

func TestAfterRedirect(t *testing.T) {
	set := func(f func(*authreq.Request)) edit { return func(r *authreq.Request, _ *client.Client) { f(r) } }
	tests := []struct {
		name   string
		change edit
		want   oauth.ErrorCode
	}{
		{"valid", set(func(*authreq.Request) {}), ""},
		{"nothing that may be left out", set(func(r *authreq.Request) {
			r.State, r.Nonce, r.Prompt, r.MaxAge, r.ResponseMode, r.Resource = "", "", "", "", "", nil
		}), ""},

		{"N025 prompt repeated", repeated("prompt"), oauth.InvalidRequest},
		{"N037 state repeated", repeated("state"), oauth.InvalidRequest},
		{"an unknown one repeated", repeated("x"), oauth.InvalidRequest},
		{"resource repeated", repeated("resource"), ""},

		{"N037 state of 2048 bytes", set(func(r *authreq.Request) { r.State = strings.Repeat("s", 2048) }), ""},
		{"N037 state of 2049 bytes", set(func(r *authreq.Request) { r.State = strings.Repeat("s", 2049) }), oauth.InvalidRequest},
		{"N037 state with NUL", set(func(r *authreq.Request) { r.State = "\x00" }), oauth.InvalidRequest},

		{"N034 request", set(func(r *authreq.Request) { r.RequestObject = "e30.e30." }), oauth.RequestNotSupported},
		{"N034 request_uri", set(func(r *authreq.Request) { r.RequestURI = "https://evil.test/r.jwt" }), oauth.RequestURINotSupported},

		{"grant type not registered", func(_ *authreq.Request, c *client.Client) { c.GrantTypes = []string{"client_credentials"} }, oauth.UnauthorizedClient},

		{"N019 response_type absent", set(func(r *authreq.Request) { r.ResponseType = "" }), oauth.InvalidRequest},
		{"N020 response_type token", set(func(r *authreq.Request) { r.ResponseType = "token" }), oauth.UnsupportedResponseType},
		{"N020 response_type code id_token", set(func(r *authreq.Request) { r.ResponseType = "code id_token" }), oauth.UnsupportedResponseType},
		{"N020 response_type CODE", set(func(r *authreq.Request) { r.ResponseType = "CODE" }), oauth.UnsupportedResponseType},

		{"response_mode form_post", set(func(r *authreq.Request) { r.ResponseMode = "form_post" }), ""},
		{"N021 response_mode form_post to a scheme of private use", set(func(r *authreq.Request) {
			r.ResponseMode, r.RedirectURI = "form_post", "com.example.app:/cb"
		}), oauth.InvalidRequest},
		{"response_mode query to a scheme of private use", set(func(r *authreq.Request) { r.RedirectURI = "com.example.app:/cb" }), ""},
		{"response_mode form_post to a loopback address", set(func(r *authreq.Request) {
			r.ResponseMode, r.RedirectURI = "form_post", "http://[::1]:51004/cb"
		}), ""},
		{"N021 response_mode fragment", set(func(r *authreq.Request) { r.ResponseMode = "fragment" }), oauth.InvalidRequest},
		{"N021 response_mode form_post.jwt", set(func(r *authreq.Request) { r.ResponseMode = "form_post.jwt" }), oauth.InvalidRequest},

		{"scope without openid", scope("profile"), ""},
		{"scope absent", scope(""), ""},
		{"N022 scope absent, and nothing about the user registered", func(r *authreq.Request, c *client.Client) {
			r.Scope, c.Scope = "", oauth.Scope{"workspace:viewer", "offline_access", "introspect"}
		}, oauth.InvalidScope},
		{"scope absent, default", func(r *authreq.Request, c *client.Client) {
			r.Scope, c.DefaultScope = "", oauth.Scope{"openid"}
		}, ""},
		{"scope absent, default beyond the client's scope", func(r *authreq.Request, c *client.Client) {
			r.Scope, c.DefaultScope = "", oauth.Scope{"phone"}
		}, oauth.InvalidScope},
		{"N023 unknown, yet registered", func(r *authreq.Request, c *client.Client) {
			r.Scope, c.Scope = "openid x", append(c.Scope, "x")
		}, oauth.InvalidScope},
		{"N023 known, not registered", scope("openid email phone"), oauth.InvalidScope},
		{"N023 registered, but the client's own", scope("openid introspect"), oauth.InvalidScope},
		{"N023 prefix", scope("openid workspace:viewe"), oauth.InvalidScope},
		{"N023 TAB", scope("workspace:viewer\t"), oauth.InvalidScope},
		{"N023 line break", scope("openid\nprofile"), oauth.InvalidScope},
		{"N023 two spaces", scope("openid  profile"), oauth.InvalidScope},
		{"N023 NBSP", scope("openid\u00a0profile"), oauth.InvalidScope},
		{"N023 quotes", scope(`openid "x"`), oauth.InvalidScope},
		{"N023 other case", scope("OpenID"), oauth.InvalidScope},
		{"N023 10 KiB", scope(strings.Repeat("openid ", 1500) + "openid"), oauth.InvalidScope},

		{"N025 prompt none login", set(func(r *authreq.Request) { r.Prompt = "none login" }), oauth.InvalidRequest},
		{"N025 prompt foo", set(func(r *authreq.Request) { r.Prompt = "foo" }), oauth.InvalidRequest},
		{"prompt none", set(func(r *authreq.Request) { r.Prompt = "none" }), ""},

		{"offline_access alone, with prompt", scope("offline_access"), ""},
		{"offline_access alone, without prompt", set(func(r *authreq.Request) { r.Scope, r.Prompt = "offline_access", "" }), oauth.InvalidScope},

		{"max_age 0", set(func(r *authreq.Request) { r.MaxAge = "0" }), ""},
		{"N028 -1", set(func(r *authreq.Request) { r.MaxAge = "-1" }), oauth.InvalidRequest},
		{"N028 1e3", set(func(r *authreq.Request) { r.MaxAge = "1e3" }), oauth.InvalidRequest},
		{"N028 +5", set(func(r *authreq.Request) { r.MaxAge = "+5" }), oauth.InvalidRequest},
		{"N028 5.0", set(func(r *authreq.Request) { r.MaxAge = "5.0" }), oauth.InvalidRequest},
		{"N028 blank", set(func(r *authreq.Request) { r.MaxAge = " 5" }), oauth.InvalidRequest},
		{"N028 another digit", set(func(r *authreq.Request) { r.MaxAge = "٥" }), oauth.InvalidRequest},
		{"N028 too large", set(func(r *authreq.Request) { r.MaxAge = "99999999999999999999" }), oauth.InvalidRequest},

		{"N031 no challenge", set(func(r *authreq.Request) { r.CodeChallenge, r.CodeChallengeMethod = "", "" }), oauth.InvalidRequest},
		{"no challenge, not required", func(r *authreq.Request, c *client.Client) {
			r.CodeChallenge, r.CodeChallengeMethod, c.RequirePKCE = "", "", false
		}, ""},
		{"N032 plain, PKCE not required", func(r *authreq.Request, c *client.Client) {
			r.CodeChallengeMethod, c.RequirePKCE = "plain", false
		}, oauth.InvalidRequest},
		{"N032 method alone, PKCE not required", func(r *authreq.Request, c *client.Client) {
			r.CodeChallenge, c.RequirePKCE = "", false
		}, oauth.InvalidRequest},
		{"N032 no method", set(func(r *authreq.Request) { r.CodeChallengeMethod = "" }), oauth.InvalidRequest},
		{"N032 s256", set(func(r *authreq.Request) { r.CodeChallengeMethod = "s256" }), oauth.InvalidRequest},
		{"N033 42 characters", set(func(r *authreq.Request) { r.CodeChallenge = r.CodeChallenge[:42] }), oauth.InvalidRequest},
		{"N033 44 characters", set(func(r *authreq.Request) { r.CodeChallenge += "A" }), oauth.InvalidRequest},
		{"N033 padding", set(func(r *authreq.Request) { r.CodeChallenge += "=" }), oauth.InvalidRequest},
		{"N033 not canonical", set(func(r *authreq.Request) { r.CodeChallenge = r.CodeChallenge[:42] + "N" }), oauth.InvalidRequest},

		{"N061 not pushed", func(_ *authreq.Request, c *client.Client) { c.RequirePushed = true }, oauth.InvalidRequest},
		{"pushed as required", func(r *authreq.Request, c *client.Client) { r.Pushed, c.RequirePushed = true, true }, ""},

		{"another known resource", set(func(r *authreq.Request) { r.Resource = []string{issuer, "https://api.test/v1"} }), ""},
		{"N036 unknown resource", set(func(r *authreq.Request) { r.Resource = []string{issuer, "https://api.test/v2"} }), oauth.InvalidTarget},
		{"N036 relative resource", set(func(r *authreq.Request) { r.Resource = []string{"/v1"} }), oauth.InvalidTarget},
		{"N036 resource with fragment", set(func(r *authreq.Request) { r.Resource = []string{issuer + "#"} }), oauth.InvalidTarget},
		{"N036 resource 10 times", set(func(r *authreq.Request) { r.Resource = slices.Repeat([]string{issuer}, 10) }), ""},
		{"N036 resource 11 times", set(func(r *authreq.Request) { r.Resource = slices.Repeat([]string{issuer}, 11) }), oauth.InvalidTarget},

		{"nonce of 2048 bytes", set(func(r *authreq.Request) { r.Nonce = strings.Repeat("n", 2048) }), ""},
		{"nonce of 2049 bytes", set(func(r *authreq.Request) { r.Nonce = strings.Repeat("n", 2049) }), oauth.InvalidRequest},

		{"N038 login_hint of 256 bytes", set(func(r *authreq.Request) { r.LoginHint = strings.Repeat("h", 256) }), ""},
		{"login_hint of 257 bytes", set(func(r *authreq.Request) { r.LoginHint = strings.Repeat("h", 257) }), oauth.InvalidRequest},
		{"login_hint with NUL", set(func(r *authreq.Request) { r.LoginHint = "u\x00" }), oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := after(tt.change)
			if got := code(err); got != tt.want {
				t.Errorf("AfterRedirect() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCheckedHasWhatTheRequestMeans(t *testing.T) {
	got, err := after(func(r *authreq.Request, _ *client.Client) {
		r.Resource = []string{issuer, "https://api.test/v1", issuer}
	})
	if err != nil {
		t.Fatalf("AfterRedirect() = %v", err)
	}
	minute := time.Minute
	want := authreq.Checked{
		Request: got.Request, Client: newClient(),
		Asked: oauth.Scope{"openid", "profile"}, Prompts: oauth.PromptLogin | oauth.PromptConsent, Freshness: &minute,
		Resources: []string{issuer, "https://api.test/v1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("AfterRedirect() differs: %s", diff)
	}
}

func TestTheFirstFailureIsReported(t *testing.T) {
	_, err := after(func(r *authreq.Request, c *client.Client) {
		r.ResponseType, r.Scope, r.Resource, c.RequirePushed = "token", "x", []string{"x"}, true
	})
	if got := code(err); got != oauth.UnsupportedResponseType {
		t.Errorf("AfterRedirect() = %q", got)
	}
}

func TestN022_ARequestHasTheScopeThatEveryRequestNeeds(t *testing.T) {
	needs := func(names ...string) *authreq.Checker {
		c := *checker
		c.RequiredScope = names
		return &c
	}
	byDefault := func(names ...string) edit {
		return func(r *authreq.Request, c *client.Client) { r.Scope, c.DefaultScope = "", names }
	}
	tests := []struct {
		name    string
		checker *authreq.Checker
		change  edit
		want    oauth.ErrorCode
	}{
		{"openid, alone", needs("openid"), scope("openid"), ""},
		{"openid, last of several", needs("openid"), scope("profile email openid"), ""},
		{"openid by default", needs("openid"), byDefault("profile", "openid"), ""},
		{"without openid", needs("openid"), scope("profile email"), oauth.InvalidScope},
		{"absent, without default", needs("openid"), scope(""), ""},
		{"absent, without default and openid", needs("openid"), func(r *authreq.Request, c *client.Client) {
			r.Scope, c.Scope = "", oauth.Scope{"email"}
		}, oauth.InvalidScope},
		{"absent, with a default without openid", needs("openid"), byDefault("profile"), oauth.InvalidScope},
		{"both of two", needs("openid", "email"), scope("email openid"), ""},
		{"one of two", needs("openid", "email"), scope("openid profile"), oauth.InvalidScope},
		{"without openid where nothing is needed", needs(), scope("profile email"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, c := valid(), newClient()
			tt.change(&r, &c)
			_, err := tt.checker.AfterRedirect(t.Context(), r, c, noKeys)
			if got := code(err); got != tt.want {
				t.Errorf("AfterRedirect() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestN024_OfflineAccessNeedsPromptConsent(t *testing.T) {
	tests := []struct {
		name, prompt string
		needed       bool
		want         oauth.Scope
	}{
		{"with it", "consent", true, oauth.Scope{"openid", "offline_access"}},
		{"without it", "login", true, oauth.Scope{"openid"}},
		{"without it, not needed", "login", false, oauth.Scope{"openid", "offline_access"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := *checker
			c.OfflineNeedsPrompt = tt.needed
			r := valid()
			r.Scope, r.Prompt = "openid offline_access", tt.prompt
			got, err := c.AfterRedirect(t.Context(), r, newClient(), noKeys)
			if err != nil {
				t.Fatalf("AfterRedirect() = %v", err)
			}
			if diff := cmp.Diff(tt.want, got.Asked); diff != "" {
				t.Errorf("asked for: %s", diff)
			}
		})
	}
}

func TestN030_IDTokenHint(t *testing.T) {
	signing := generate(t)
	sign := func(s *jwks.Set, typ jwks.Typ, claims map[string]any) string {
		token, err := s.Sign(jwks.ES256, typ, claims)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	claims := func(change map[string]any) map[string]any {
		all := map[string]any{"iss": issuer, "aud": "c1", "sub": "u1", "exp": 1, "iat": 1, "nonce": "n"}
		for name, value := range change {
			all[name] = value
		}
		return all
	}
	good := sign(signing, jwks.IDToken, claims(nil))
	none := "eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + "."
	tests := []struct {
		name, hint, sub string
		want            oauth.ErrorCode
	}{
		{"absent", "", "", ""},
		{"expired", good, "u1", ""},
		{"alg none", none, "", oauth.InvalidRequest},
		{"other issuer", sign(signing, jwks.IDToken, claims(map[string]any{"iss": "https://evil.test"})), "", oauth.InvalidRequest},
		{"other audience", sign(signing, jwks.IDToken, claims(map[string]any{"aud": "c2"})), "", oauth.InvalidRequest},
		{"no subject", sign(signing, jwks.IDToken, claims(map[string]any{"sub": ""})), "", oauth.InvalidRequest},
		{"other key", sign(generate(t), jwks.IDToken, claims(nil)), "", oauth.InvalidRequest},
		{"an access token", sign(signing, jwks.AccessToken, claims(nil)), "", oauth.InvalidRequest},
		{"bad signature", good[:len(good)-8] + "AAAAAAAA", "", oauth.InvalidRequest},
		{"1 MiB", strings.Repeat("a", 1<<20), "", oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := valid()
			r.IDTokenHint = tt.hint
			got, err := checker.AfterRedirect(t.Context(), r, newClient(), keys{set: signing})
			if code(err) != tt.want || got.HintSub != tt.sub {
				t.Errorf("AfterRedirect() = %q, %v, want %q, %q", got.HintSub, err, tt.sub, tt.want)
			}
		})
	}
	away := errors.New("away")
	r := valid()
	r.IDTokenHint = good
	if _, err := checker.AfterRedirect(t.Context(), r, newClient(), keys{err: away}); !errors.Is(err, away) {
		t.Errorf("AfterRedirect() without keys = %v", err)
	}
}

func generate(t *testing.T) *jwks.Set {
	t.Helper()
	key, err := jwks.Generate(jwks.ES256)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwks.NewSet(key)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestAnswersGoWhereAndAsTheRequestSays(t *testing.T) {
	tests := []struct {
		name   string
		change edit
		state  string
		mode   oauth.ResponseMode
	}{
		{"valid", func(*authreq.Request, *client.Client) {}, "s", oauth.ModeQuery},
		{"form_post", func(r *authreq.Request, _ *client.Client) { r.ResponseMode = "form_post" }, "s", oauth.ModeFormPost},
		{"N021 form_post to a scheme of private use", func(r *authreq.Request, _ *client.Client) {
			r.ResponseMode, r.RedirectURI = "form_post", "com.example.app:/cb"
		}, "s", oauth.ModeQuery},
		{"form_post to a scheme in capitals", func(r *authreq.Request, _ *client.Client) {
			r.ResponseMode, r.RedirectURI = "form_post", "HTTPS://app.example/cb"
		}, "s", oauth.ModeFormPost},
		{"N021 unknown mode", func(r *authreq.Request, _ *client.Client) { r.ResponseMode = "fragment" }, "s", oauth.ModeQuery},
		{"repeated mode", func(r *authreq.Request, _ *client.Client) {
			r.ResponseMode, r.Repeated = "form_post", []string{"response_mode"}
		}, "s", oauth.ModeQuery},
		{"N037 repeated state", repeated("state"), "", oauth.ModeQuery},
		{"N037 state too long", func(r *authreq.Request, _ *client.Client) { r.State = strings.Repeat("s", 2049) }, "", oauth.ModeQuery},
		{"N037 state is exact", func(r *authreq.Request, _ *client.Client) { r.State = `"><script> %00&` }, `"><script> %00&`, oauth.ModeQuery},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := valid()
			tt.change(&r, nil)
			if got := r.EchoState(); got != tt.state {
				t.Errorf("EchoState() = %q, want %q", got, tt.state)
			}
			if got := r.Mode(); got != tt.mode {
				t.Errorf("Mode() = %q, want %q", got, tt.mode)
			}
		})
	}
}

func TestDescriptionsAreFitForTheWire(t *testing.T) {
	allowed := func(c rune) bool { return c >= ' ' && c <= '~' && c != '"' && c != '\\' } // RFC 6749 §5.2
	for _, change := range []edit{
		scope("x"), repeated("x"),
		func(r *authreq.Request, c *client.Client) { r.Scope, c.Scope = "", nil },
		func(r *authreq.Request, _ *client.Client) { r.RequestObject = "x" },
		func(r *authreq.Request, _ *client.Client) { r.RequestURI = "x" },
		func(r *authreq.Request, _ *client.Client) { r.LoginHint = "\x00" },
		func(r *authreq.Request, _ *client.Client) { r.IDTokenHint = "x" },
		func(_ *authreq.Request, c *client.Client) { c.GrantTypes = nil },
		func(_ *authreq.Request, c *client.Client) { c.RequirePushed = true },
	} {
		r, c := valid(), newClient()
		change(&r, &c)
		_, err := checker.AfterRedirect(t.Context(), r, c, keys{set: generate(t)})
		var refusal *oauth.Error
		if !errors.As(err, &refusal) || strings.ContainsFunc(refusal.Description, func(c rune) bool { return !allowed(c) }) {
			t.Errorf("refusal %v", err)
		}
	}
}

// What a store keeps is what came in, whatever that was.
func FuzzMarshal(f *testing.F) {
	f.Add("state", "\x00\u2028", "https://a.example")
	f.Fuzz(func(t *testing.T, state, hint, resource string) {
		want := valid()
		want.State, want.LoginHint, want.Resource = strings.ToValidUTF8(state, ""), strings.ToValidUTF8(hint, ""), []string{strings.ToValidUTF8(resource, "")}
		encoded, err := want.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := authreq.Unmarshal(encoded)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v: %s", err, diff)
		}
	})
}

// No spelling but a registered one is a place to send an answer to.
func FuzzRedirectURIRegistered(f *testing.F) {
	f.Add("https://app.example/cb")
	f.Add("https://app.example/cb?")
	f.Fuzz(func(t *testing.T, presented string) {
		r := valid()
		r.RedirectURI = presented
		err := checker.BeforeRedirect(r, newClient())
		if (err == nil) != slices.Contains(newClient().RedirectURIs, presented) {
			t.Errorf("BeforeRedirect(%q) = %v", presented, err)
		}
	})
}
